/**
 * z of p(z) from normal noise, as ONNX operators: the same functions of the same columns of noise as src/vae/priors, which name
 * their sources, so that a sampler's z is that of `prior.draw`.
 */
import type { PriorSpec } from '../../priors/prior-spec.js';
import {
  componentCount,
  logScaleRange,
  sampleMargin,
  sharpness,
  weightNames,
} from '../../priors/factorized.js';
import { network } from '../network.js';
import { valuesOf, type GraphBuilder } from './graph.js';
import { runModules } from './modules.js';

/** Of q(z | x): f32[rows, K], its log-variances, and what lies below the diagonal of a full covariance. */
export interface Moments {
  readonly mean: string;
  readonly logVariance: string;
  readonly lower?: string;
}

/** Where a prior stands: of the model's latent, or of one above it. */
export interface PriorPlace {
  readonly latent: number;
  /** Names of its weights begin with this. */
  readonly prefix: string;
  /** f32[batch, classes], where the model has one. */
  readonly condition?: { readonly name: string; readonly classes: number };
  /** The posterior's moments of data f32[P, D]. */
  readonly encode: (data: string) => Moments;
}

/** Normal noise f32[batch, width]. */
export interface Noise {
  readonly name: string;
  readonly width: number;
}

/** f32[batch, K] */
export function drawPrior(graph: GraphBuilder, prior: PriorSpec, place: PriorPlace, noise: Noise): string {
  const { latent, prefix, condition } = place;
  const ownNoise = (): string =>
    noise.width === latent ? noise.name : graph.slice(noise.name, 1, 0, latent);
  switch (prior.type) {
    case 'standard-normal':
      return noise.name;
    case 'mixture': {
      const index = chosen(graph, sharesOf(valuesOf(graph.weights, `${prefix}.logit`)), latent, noise);
      const row = (name: string): string => rowsAt(graph, graph.weight(`${prefix}.${name}`), index);
      return graph.reparameterize(row('mean'), row('log_variance'), ownNoise());
    }
    case 'vamp': {
      const shares = Array.from({ length: prior.pseudoInputs }, () => 1 / prior.pseudoInputs);
      const index = chosen(graph, shares, latent, noise);
      const { mean, logVariance, lower } = place.encode(graph.weight(`${prefix}.pseudo_inputs`));
      const [m, s] = [rowsAt(graph, mean, index), rowsAt(graph, logVariance, index)];
      const z = graph.reparameterize(m, s, ownNoise());
      if (lower === undefined) return z;
      return graph.op('Add', [z, belowDiagonal(graph, latent, rowsAt(graph, lower, index), ownNoise())]);
    }
    case 'conditional':
      return ofNetwork(graph, prior.layers, condition!.name, condition!.classes, prefix, latent, ownNoise());
    case 'factorized':
      return factorized(graph, latent, noise.name);
    case 'hierarchical': {
      const above = graph.slice(noise.name, 1, latent, noise.width - latent);
      const inner: PriorPlace = {
        ...(condition && { condition }),
        latent: prior.latent,
        prefix: `${prefix}.prior`,
        encode: (z) => momentsOf(graph, prior.encoder, z, latent, `${prefix}.posterior`, prior.latent),
      };
      const z = drawPrior(graph, prior.prior, inner, { name: above, width: noise.width - latent });
      return ofNetwork(graph, prior.decoder, z, prior.latent, `${prefix}.decoder`, latent, ownNoise());
    }
  }
}

/** The moments that a network with a Linear `moments` behind it makes of x f32[rows, inputs]. */
function momentsOf(
  graph: GraphBuilder,
  layers: Parameters<typeof network>[0],
  x: string,
  inputs: number,
  prefix: string,
  latent: number,
): Moments {
  const { modules } = network(layers, { shape: [inputs] }, `spec.${prefix}`);
  const hidden = graph.op('Flatten', [runModules(graph, modules, x, prefix)], { axis: 1 });
  const moments = graph.linear(hidden, `${prefix}.moments`);
  const [mean, logVariance] = [graph.slice(moments, 1, 0, latent), graph.slice(moments, 1, latent, latent)];
  return { mean, logVariance };
}

function ofNetwork(
  ...[graph, layers, x, inputs, prefix, latent, noise]: [...Parameters<typeof momentsOf>, string]
): string {
  const { mean, logVariance } = momentsOf(graph, layers, x, inputs, prefix, latent);
  return graph.reparameterize(mean, logVariance, noise);
}

/** Where normal noise stands in N(0, 1), in (0, 1). */
export function placeOf(graph: GraphBuilder, noise: string): string {
  return graph.affine(graph.op('Erf', [graph.affine(noise, Math.SQRT1_2, 0)]), 0.5, 0.5);
}

/** The component that the column behind the latent's noise chooses, i64[batch]. */
function chosen(graph: GraphBuilder, shares: readonly number[], latent: number, noise: Noise): string {
  const place = placeOf(graph, graph.slice(noise.name, 1, latent, 1));
  const passed = graph.op('Greater', [place, graph.floats(sharesBefore(shares), [1, shares.length])]);
  // every place is behind the first's share of what comes before, -1
  const count = graph.sum(graph.op('Cast', [passed], { to: 7 }), 1);
  return graph.op('Sub', [count, graph.integers([1])]);
}

function sharesOf(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** What the shares of the earlier components add up to; less than any place for the first. */
function sharesBefore(shares: readonly number[]): number[] {
  let sum = 0;
  return shares.map((share, i) => {
    sum += share;
    return i === 0 ? -1 : sum - share;
  });
}

const rowsAt = (graph: GraphBuilder, table: string, index: string): string =>
  graph.op('Gather', [table, index], { axis: 0 });

/** What the numbers below the diagonal of L, packed row after row, add to the rows of L noise. */
function belowDiagonal(graph: GraphBuilder, latent: number, lower: string, noise: string): string {
  const places = Array.from({ length: latent }, (_, row) =>
    Array.from({ length: row }, (_v, column) => [row, column]),
  ).flat();
  const size = places.length;
  const all = Array.from({ length: latent }, (_, k) => k);
  const columns = all.flatMap((k) => places.map(([, column]) => Number(column === k)));
  const rows = places.flatMap(([row]) => all.map((k) => Number(row === k)));
  const spread = graph.op('MatMul', [noise, graph.floats(columns, [latent, size])]);
  return graph.op('MatMul', [graph.op('Mul', [spread, lower]), graph.floats(rows, [size, latent])]);
}

/** A Gumbel value a logistic chooses one, the last columns make its value. */
function factorized(graph: GraphBuilder, latent: number, noise: string): string {
  const uniform = (part: number): string =>
    graph.clip(placeOf(graph, graph.slice(noise, 1, part * latent, latent)), sampleMargin, 1 - sampleMargin);
  const log = (x: string): string => graph.op('Log', [x]);
  const negative = (x: string): string => graph.op('Neg', [x]);
  const u = uniform(componentCount);
  const logistic = graph.op('Sub', [log(u), log(graph.affine(u, -1, 1))]);
  /** f32[batch, 1, K] each, side by side. */
  const together = (values: readonly string[]): string =>
    graph.op(
      'Concat',
      values.map((value) => graph.reshape(value, [1, latent])),
      { axis: 1 },
    );
  const parts = Array.from({ length: componentCount }, (_, index) => {
    const names = weightNames(index);
    const gumbel = negative(log(negative(log(uniform(index)))));
    const score = graph.affine(graph.op('Add', [graph.weight(names.logit), gumbel]), sharpness, 0);
    const scale = graph.op('Exp', [graph.clip(graph.weight(names.logScale), ...logScaleRange)]);
    const value = graph.op('Add', [graph.op('Mul', [logistic, scale]), graph.weight(names.mean)]);
    return { score, value };
  });
  const shares = graph.op('Softmax', [together(parts.map(({ score }) => score))], { axis: 1 });
  return graph.sum(graph.op('Mul', [shares, together(parts.map(({ value }) => value))]), 1);
}
