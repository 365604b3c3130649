/** What a model does with rows, as graphs: the same for calls with numbers, for buffers on the GPU, and for limits. */
import type { Tensor } from '../gpu/graph.js';
import type { RowFunction } from './inference.js';
import type { Model } from './model.js';

/** x f32[B, width] and, where the model has one, the condition f32[B, C] -> f32[B, outputWidth]. */
export interface ModelCall extends RowFunction<'x' | 'condition'> {
  readonly width: number;
  readonly outputWidth: number;
  graph(x: Tensor, condition?: Tensor): Tensor;
}

function call(label: string, width: number, outputWidth: number, graph: ModelCall['graph']): ModelCall {
  return { label, width, outputWidth, graph, build: ({ x, condition }) => graph(x, condition) };
}

/** f32[B, D] -> mean and log-variance side by side, f32[B, K + logVarianceWidth]. */
export function encodeCall(model: Model): ModelCall {
  const { posterior, spec, width } = model;
  return call('encode', width, spec.latent + posterior.logVarianceWidth, (x, condition) =>
    posterior.summary(model.encode(x, condition)),
  );
}

/** f32[B, K] -> the mean of p(x | z), f32[B, D]. */
export function decodeCall(model: Model): ModelCall {
  return call('decode', model.spec.latent, model.width, (z, condition) =>
    model.likelihood.mean(model.decode(z, condition)),
  );
}

/** Standard normal noise f32[B, noiseWidth] -> z of the prior, f32[B, K]. */
export function drawCall({ prior, spec }: Model): ModelCall {
  return call('prior', prior.noiseWidth, spec.latent, (noise, condition) => prior.draw(noise, condition));
}

/** The widths of a call's arguments. */
export function widthsOf(model: Model, { width }: ModelCall): Record<'x' | 'condition', number> {
  const { conditionWidth } = model;
  // without a condition there is no such argument, which the type cannot say
  return { x: width, ...(conditionWidth > 0 && { condition: conditionWidth }) } as Record<
    'x' | 'condition',
    number
  >;
}
