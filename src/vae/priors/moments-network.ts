/** A network that makes the moments of a distribution: layers, and a Linear `moments` behind them. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import type { LayerSpec } from '../layer-spec.js';
import { affineMap } from '../layers/dense.js';
import { stack } from '../layers/stack.js';
import type { WeightFactory } from '../weights.js';

export interface MomentsSite {
  readonly weights: WeightFactory;
  /** Names of its weights begin with this. */
  readonly prefix: string;
  /** The layers' path in the specification. */
  readonly where: string;
}

/** f32[R, inputs] -> f32[R, outputs]. @throws SpecError naming the layer that does not fit */
export function momentsNetwork(
  layers: readonly LayerSpec[],
  inputs: number,
  outputs: number,
  site: MomentsSite,
): (x: Tensor) => Tensor {
  const { weights, prefix } = site;
  const network = stack(layers, { shape: [inputs] }, site);
  const head = weights.linear(`${prefix}.moments`, network.flattened ?? network.shape, [outputs]);
  return (x) => scoped(prefix, () => affineMap(network.apply(x), head));
}
