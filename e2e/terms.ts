/** The terms of every row with noise of the caller's, by ours, to hold against another program's. */
import type { Tensor } from '../src/gpu/graph.js';
import { concat } from '../src/gpu/ops/concat.js';
import { noise as noiseTensor } from '../src/gpu/ops/noise.js';
import { LEVEL_NOISE } from '../src/vae/priors/hierarchical.js';
import { reshape } from '../src/gpu/ops/constant.js';
import { conditionRows } from '../src/vae/condition.js';
import type { Rows as InferenceRows } from '../src/vae/data/number-rows.js';
import { Inference } from '../src/vae/inference.js';
import type { Vae } from '../src/vae/vae.js';

/** x f32[N, D] and noise f32[N, K], flat, with the class of each row where the model is told one. */
export interface NoisyRows {
  readonly x: Float32Array;
  readonly noise: Float32Array;
  readonly labels?: Uint8Array;
  /** Noise of a hierarchical prior's levels, side by side. */
  readonly levels?: Float32Array;
}

/** The noise that `rowTerms` has for the levels of a hierarchical prior, f32[count, all of them]; undefined for others. */
export async function levelNoise(vae: Vae, count: number): Promise<Float32Array | undefined> {
  const widths: number[] = [];
  for (let { prior } = vae.spec; prior.type === 'hierarchical'; { prior } = prior) widths.push(prior.latent);
  if (widths.length === 0) return undefined;
  const inference = new Inference(vae.device, vae.model.weights, vae.resources);
  const outputWidth = 1 + widths.reduce((a, b) => a + b);
  const both = await inference.run({
    label: 'levels',
    rows: { x: { values: new Float32Array(count), width: 1 } }, // a plan has rows of something
    outputWidth,
    build: ({ x }) => {
      const level = (width: number, index: number): Tensor =>
        noiseTensor([x.shape[0]!, width], LEVEL_NOISE + index + 1);
      return concat([x, ...widths.map(level)], 1);
    },
  });
  inference.destroy();
  return both.filter((_, i) => i % outputWidth > 0);
}

/** Reconstruction and KL of every row, f32[N] each. */
export async function rowTerms(
  vae: Vae,
  { x, noise, labels }: NoisyRows,
): Promise<[reconstruction: Float32Array, kl: Float32Array]> {
  const { model, spec } = vae;
  const told = conditionRows(spec, labels, noise.length / spec.latent, 'terms');
  const isNoisy = !['deterministic', 'vector-quantized'].includes(spec.posterior.type);
  const rows: Record<string, InferenceRows> = {
    x: { values: x, width: model.width },
    ...(isNoisy && { noise: { values: noise, width: spec.latent } }),
    ...(told && { condition: { values: told, width: model.conditionWidth } }),
  };
  const inference = new Inference(vae.device, model.weights, vae.resources);
  const both = await inference.run({
    label: 'terms',
    rows,
    outputWidth: 2,
    build: ({ x: data, ...rest }) => {
      const bound = model.bound(data!, { estimator: 'B', samples: 1, ...rest });
      const column = (term: Tensor): Tensor => reshape(term, [term.shape[0]!, 1]);
      return concat([column(bound.reconstruction), column(bound.kl)], 1);
    },
  });
  inference.destroy();
  return [both.filter((_, i) => i % 2 === 0), both.filter((_, i) => i % 2 === 1)];
}
