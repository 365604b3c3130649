/** Posterior, prior and likelihood as ONNX operators: the same formulas as in src/vae, which name their sources. */
import { elementCount, type Shape } from '../../../gpu/shape.js';
import type { TensorToWrite } from '../../checkpoint/safetensors.js';
import { SMOOTHING } from '../../posteriors/codebook.js';
import type { CompleteSpec } from '../../spec.js';
import type { ModelNetworks } from '../model-networks.js';
import { inverseAutoregressive, planar, radial } from './flows.js';
import type { GraphBuilder } from './graph.js';
import { runModules } from './modules.js';
import { drawPrior, placeOf, type Moments } from './priors.js';

/** What all graphs of a model are made of. */
export interface Parts {
  readonly spec: CompleteSpec;
  readonly networks: ModelNetworks;
  /** Columns of the noise that a sample is made of. */
  readonly noiseWidth: number;
}

/** What `encode` tells of a datum: names with their values and sizes. */
type Summary = readonly (readonly [name: string, value: string, shape: Shape])[];

/** Mean and log-variance from the encoder's features. */
export function summary(graph: GraphBuilder, { posterior, latent }: CompleteSpec, features: string): Summary {
  const mean = graph.linear(features, 'mean');
  const ofMean = (value: string) => ['mean', value, [latent]] as const;
  switch (posterior.type) {
    case 'deterministic':
    case 'uniform':
      return [ofMean(mean)];
    case 'diagonal':
    case 'isotropic': {
      const columns = posterior.type === 'isotropic' ? 1 : latent;
      return [ofMean(mean), ['log_variance', graph.linear(features, 'log_variance'), [columns]]];
    }
    case 'full':
      return [ofMean(mean), ['log_variance', fullLogVariance(graph, latent, features), [latent]]];
    case 'vector-quantized':
      return [ofMean(nearestCodewords(graph, latent, posterior.dimension, mean))];
    case 'planar':
      return [ofMean(planar(graph, posterior.steps, latent, mean, graph.linear(features, 'flow')))];
    case 'radial':
      return [ofMean(radial(graph, posterior.steps, latent, mean, graph.linear(features, 'flow')))];
    case 'iaf': {
      const context = graph.linear(features, 'context');
      return [ofMean(inverseAutoregressive(graph, posterior, latent, mean, context))];
    }
  }
}

/** The variances of L L': exp(s_i) and the squares of what lies in row i of L. */
function fullLogVariance(graph: GraphBuilder, latent: number, features: string): string {
  const s = graph.linear(features, 'log_variance');
  if (latent === 1) return s;
  const diagonal = graph.op('Exp', [graph.clip(s, -30, 20)]);
  const lower = graph.linear(features, 'lower');
  const rows = Array.from({ length: latent }, (_, row) => Array.from({ length: row }, () => row)).flat();
  const ones = rows.flatMap((row) => Array.from({ length: latent }, (_, column) => Number(column === row)));
  const squares = graph.op('Mul', [lower, lower]);
  const added = graph.op('MatMul', [squares, graph.floats(ones, [rows.length, latent])]);
  return graph.op('Log', [graph.op('Add', [diagonal, added])]);
}

function nearestCodewords(graph: GraphBuilder, latent: number, dimension: number, mean: string): string {
  const codebook = graph.weight('posterior.codebook');
  const groups = graph.op('Reshape', [mean, graph.integers([-1, 1, dimension])]);
  const away = graph.op('Sub', [groups, codebook]);
  const distances = graph.sum(graph.op('Mul', [away, away]), 2);
  const nearest = graph.op('ArgMin', [distances], { axis: 1, keepdims: 0 });
  return codewords(graph, latent, nearest);
}

/** The codewords of averages, which stand still in a graph: src/vae/posteriors/codebook.ts. */
export function movingCodewords(tensors: ReadonlyMap<string, TensorToWrite>): TensorToWrite {
  const counts = tensors.get('posterior.codebook_counts')!.values;
  const { shape, values: sums } = tensors.get('posterior.codebook_sums')!;
  const [codes, dimension] = shape as [number, number];
  const total = counts.reduce((sum, count) => sum + count, 0);
  const smoothed = (code: number): number =>
    ((counts[code]! + SMOOTHING) * total) / (total + codes * SMOOTHING);
  return { shape, values: sums.map((value, i) => value / smoothed(Math.floor(i / dimension))) };
}

function codewords(graph: GraphBuilder, latent: number, index: string): string {
  const rows = graph.op('Gather', [graph.weight('posterior.codebook'), index], { axis: 0 });
  return graph.op('Reshape', [rows, graph.integers([-1, latent])]);
}

/** z of p(z) from normal noise f32[batch, width], which becomes an input. */
export function sampleLatents(
  graph: GraphBuilder,
  { spec, networks, noiseWidth: width }: Parts,
  condition: string | undefined,
): string {
  const { posterior, prior, latent } = spec;
  const name = graph.input('noise', [width]);
  if (posterior.type === 'vector-quantized') return chooseCodes(graph, latent, posterior.codes, name);
  const told = condition && { condition: { name: condition, classes: networks.conditionWidth } };
  const encode = (data: string): Moments => {
    const features = encoderFeatures(graph, networks, graph.reshape(data, networks.datum), undefined);
    const linear = (part: string): string => graph.linear(features, part);
    const isFull = posterior.type === 'full' && latent > 1;
    return {
      mean: linear('mean'),
      logVariance: linear('log_variance'),
      ...(isFull && { lower: linear('lower') }),
    };
  };
  return drawPrior(graph, prior, { latent, prefix: 'prior', encode, ...told }, { name, width });
}

function chooseCodes(graph: GraphBuilder, latent: number, codes: number, noise: string): string {
  const place = graph.affine(placeOf(graph, noise), codes, -0.5);
  const index = graph.op('Cast', [graph.clip(graph.op('Round', [place]), 0, codes - 1)], { to: 7 });
  return codewords(graph, latent, graph.op('Reshape', [index, graph.integers([-1])]));
}

/** What a picture shows, f32[batch, ...datum], of the decoder's output. */
export function likelihoodMean(
  graph: GraphBuilder,
  { likelihood }: CompleteSpec,
  { datum, outputsPerElement: count }: ModelNetworks,
  decoded: string,
): string {
  const [channels, ...rest] = datum;
  const shape = count === 1 ? datum : [channels!, count, ...rest];
  const output = graph.reshape(decoded, shape);
  /** One of the numbers of every element. */
  const at = (value: string, index: number): string => graph.reshape(graph.slice(value, 2, index, 1), datum);
  switch (likelihood.type) {
    case 'bernoulli':
      return graph.op('Sigmoid', [output]);
    case 'gaussian':
      return count === 1 ? output : at(output, 0);
    case 'laplace':
      return output;
    case 'categorical':
      return graph.op('Cast', [graph.op('ArgMax', [output], { axis: 2, keepdims: 0 })], { to: 1 });
    case 'beta-binomial': {
      const bounded = graph.clip(output, -6, 6);
      return graph.op('Sigmoid', [graph.op('Sub', [at(bounded, 0), at(bounded, 1)])]);
    }
    case 'negative-binomial':
      return likelihood.mean === 'exp'
        ? graph.op('Exp', [graph.clip(output, -20, 20)])
        : graph.op('Softplus', [graph.clip(output, -60, 1e9)]);
    case 'discretized-logistic-mixture':
      return logisticMixture(graph, likelihood.components, output);
  }
}

function logisticMixture(graph: GraphBuilder, components: number, output: string): string {
  const isMixture = components > 1;
  const mean = graph.slice(output, 2, isMixture ? components : 0, components);
  const shares = (): string => graph.op('Softmax', [graph.slice(output, 2, 0, components)], { axis: 2 });
  const mixed = graph.sum(isMixture ? graph.op('Mul', [shares(), mean]) : mean, 2);
  return graph.clip(graph.affine(mixed, 0.5, 0.5), 0, 1);
}

/** What the moments are made of, f32[batch, features]. */
export function encoderFeatures(
  graph: GraphBuilder,
  networks: ModelNetworks,
  x: string,
  condition: string | undefined,
): string {
  const input = encoderInput(graph, networks, x, condition);
  return graph.op('Flatten', [runModules(graph, networks.encoder, input, 'encoder')], { axis: 1 });
}

/** Data and condition as the encoder's first layer takes them. */
function encoderInput(
  graph: GraphBuilder,
  { datum, takesImages, conditionWidth }: ModelNetworks,
  x: string,
  condition: string | undefined,
): string {
  const isImage = datum.length === 3;
  if (!condition) return takesImages ? x : graph.reshape(x, [elementCount(datum)]);
  if (takesImages) {
    const columns = graph.reshape(condition, [conditionWidth, 1, 1]);
    const planes = graph.op('Expand', [columns, graph.integers([1, 1, datum[1]!, datum[2]!])]);
    return graph.op('Concat', [x, planes], { axis: 1 });
  }
  // with a condition beside them, data lie in our order of (row, column, channel)
  const ours = isImage ? graph.op('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
  return graph.op('Concat', [graph.reshape(ours, [elementCount(datum)]), condition], { axis: 1 });
}
