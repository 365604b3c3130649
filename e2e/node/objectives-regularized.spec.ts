/**
 * Plan: objectives that differentiate inside their loss. The loss, the terms and the gradient of every weight (for the
 * gradient penalty and the Fisher divergence a second derivative) of a batch with padding rows, against float64 and its
 * central differences; and where the expectation over the noise is known, the loss against its closed form.
 * | axis      | cases                                                                                  |
 * | objective | l2, gradient penalty (deterministic and diagonal posterior), fisher (also isotropic)   |
 * | closed    | the penalty of a linear decoder; the Fisher divergence of a linear Gaussian model      |
 */
import { expect, test } from '@playwright/test';
import { objectiveSpec } from '../../src/vae/objectives/objective-spec.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { float32, loadModel, randomParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import {
  BATCH,
  compareObjective,
  differences,
  runObjective,
  stepNoise,
  validOf,
  validRows,
  type ObjectiveCase,
} from '../objective-run.js';
import * as reference from '../reference/scores.js';
import { fromValues, randomNormal, randomUniform, zeros, type F64 } from '../reference/tensor.js';
import type { DenseVaeSpec, Parameters } from '../reference/vae.js';
import { holdTo } from '../truth.js';

/** Of the loss and of each term, relative: chains of about 60 roundings. */
const VALUE_TOLERANCE = 1e-5;
/** Of a gradient, in units of the largest gradient. */
const GRADIENT_TOLERANCE = 1e-5;

const [N, D, K] = [13, 6, 3];
const DIRECTION_NOISE = 0x72616500;
const layer = { type: 'dense', units: 5, activation: 'tanh' } as const;
const dense: DenseVaeSpec = {
  input: [D],
  latent: K,
  encoder: [layer],
  decoder: [layer],
  likelihood: { type: 'gaussian', scale: 0.7 },
};
const data = randomUniform([N, D], 9, 0, 1);
const weights = { weight: 0.3, latentWeight: 0.6 } as const;

interface Row {
  readonly name: string;
  readonly case: ObjectiveCase;
  expected(network: reference.Networks, x: F64, noise: F64, count: number): reference.Value;
}

function caseOf(
  objective: ObjectiveCase['spec']['objective'],
  more: Partial<ObjectiveCase['spec']> = {},
): ObjectiveCase {
  const parameters = randomParameters({ ...dense, ...(more as Partial<DenseVaeSpec>) }, 3, 0.9);
  const isDeterministic = more.posterior === 'deterministic';
  if (isDeterministic) for (const name of ['weight', 'bias']) parameters.delete(`log_variance.${name}`);
  return { spec: { ...dense, ...more, ...(objective && { objective }) }, parameters, data };
}

const rows: readonly Row[] = [
  ...(['deterministic', 'diagonal'] as const).map((posterior) => ({
    name: `l2, ${posterior}`,
    case: caseOf({ type: 'l2', ...weights }, { posterior }),
    expected: (networks: reference.Networks, x: F64, noise: F64) =>
      reference.regularized(networks, x, noise, { ...weights, scale: 0.7 }),
  })),
  ...(['deterministic', 'diagonal'] as const).map((posterior) => ({
    name: `gradient penalty, ${posterior}`,
    case: caseOf({ type: 'gradient-penalty', ...weights }, { posterior }),
    expected: (networks: reference.Networks, x: F64, noise: F64, count: number) =>
      reference.regularized(networks, x, noise, {
        ...weights,
        scale: 0.7,
        directions: validOf(stepNoise([BATCH, D], DIRECTION_NOISE), count),
      }),
  })),
  ...(['diagonal', 'isotropic'] as const).map((posterior) => ({
    name: `fisher, ${posterior}`,
    case: { ...caseOf('fisher', { posterior }), samples: posterior === 'diagonal' ? 1 : 2 },
    expected: (networks: reference.Networks, x: F64, noise: F64) => reference.fisher(networks, x, noise, 0.7),
  })),
];

for (const row of rows)
  test(row.name, async () => {
    const { x, noise, count } = validRows(row.case);
    const { parameters } = row.case;
    const value = (): reference.Value => row.expected(reference.networksOf(parameters), x, noise, count);
    const [expected, actual] = [value(), await runObjective(row.case)];
    const gradients = differences(parameters, parameters.keys(), () => value().loss);
    const { relative, error } = compareObjective(actual, expected, gradients, VALUE_TOLERANCE);
    expect(relative).toBeLessThan(VALUE_TOLERANCE);
    const { type } = objectiveSpec(row.case.spec.objective);
    holdTo(`objective ${type}`, 'float64 differences, of the largest gradient', error, GRADIENT_TOLERANCE);
    if (row.case.spec.posterior === 'deterministic')
      holdTo('posterior deterministic', 'float64, of the loss', relative, VALUE_TOLERANCE);
  });

const SCALE = 0.7;
const linear = { ...dense, encoder: [], decoder: [] } satisfies DenseVaeSpec;

/** Terms of steps on one batch, fed with this noise f64[S*n, K], that leave the model as it is. */
async function termsOf(
  spec: VaeSpec,
  parameters: Parameters,
  noise: readonly F64[],
): Promise<Readonly<Record<string, number>>[]> {
  const vae = await loadModel(spec, parameters, await nodeDevice());
  const samples = noise[0]!.shape[0]! / N;
  const options = { batchSize: N, samples, learningRate: 1e-30, optimizer: { type: 'sgd' } } as const;
  const trainer = await vae.trainer(undefined, options);
  for (const one of noise) await trainer.step({ x: float32(data), noise: float32(one) });
  const terms = await trainer.terms();
  trainer.destroy();
  vae.destroy();
  return terms.map(({ others }) => others!);
}

/**
 * 2K samples a datum, sqrt(K) along each axis and against it: their mean is 0 and their covariance the identity, so that the
 * mean of a quadratic over them is its expectation under N(0, I), without any noise.
 */
function exactNoise(): F64 {
  const direction = (s: number): number[] =>
    Array.from({ length: K }, (_, k) => (s % K === k ? (s < K ? 1 : -1) * Math.sqrt(K) : 0));
  const values = Array.from({ length: 2 * K * N }, (_, r) => direction(Math.floor(r / N))).flat();
  return { shape: [2 * K * N, K], values: Float64Array.from(values) };
}

test('fisher: the loss of a linear Gaussian model is its closed form', async () => {
  const parameters = randomParameters(linear, 5, 0.9).set('log_variance.weight', zeros([K, D]));
  const [terms] = await termsOf({ ...linear, objective: 'fisher' }, parameters, [exactNoise()]);
  const expected = reference.fisherOfLinear(reference.networksOf(parameters), data, SCALE);
  const loss = (of: Readonly<Record<string, number>>): number =>
    Object.values(of).reduce((sum, value) => sum + value, 0);
  const relative = Math.abs(loss(terms!) - loss(expected)) / Math.abs(loss(expected));
  test.info().annotations.push({ type: 'relative error', description: relative.toExponential(1) });
  for (const [name, value] of Object.entries(expected))
    expect(Math.abs(terms![name]! - value), name).toBeLessThan(
      VALUE_TOLERANCE * Math.max(1, Math.abs(value)),
    );
  holdTo(
    'objective fisher',
    'closed form of a linear Gaussian model, of the loss',
    relative,
    VALUE_TOLERANCE,
  );
});

test('fisher: the score of the latents vanishes for the exact posterior, whatever the noise', async () => {
  const lengths = [1.5, 0.8, 0.4];
  // orthogonal columns of these lengths: the posterior's covariance is diagonal
  const W = Array.from({ length: D }, (_, d) => lengths.map((length, k) => (d === 2 * k ? length : 0)));
  const variance = lengths.map((length) => 1 / (1 + length ** 2 / SCALE ** 2));
  const G = lengths.map((_, k) => W.map((row) => (variance[k]! * row[k]!) / SCALE ** 2));
  const parameters: Parameters = new Map([
    ['mean.weight', fromValues([K, D], G.flat())],
    ['mean.bias', zeros([K])],
    ['log_variance.weight', zeros([K, D])],
    ['log_variance.bias', fromValues([K], variance.map(Math.log))],
    ['decoder.0.weight', fromValues([D, K], W.flat())],
    ['decoder.0.bias', zeros([D])],
  ]);
  const spec: VaeSpec = { ...linear, objective: 'fisher' };
  const noise = randomNormal([2 * N, K], 8);
  const [exact] = await termsOf(spec, parameters, [noise]);
  const [wrong] = await termsOf(spec, new Map(parameters).set('mean.bias', fromValues([K], [0.1, 0, 0])), [
    noise,
  ]);
  test.info().annotations.push({ type: 'score', description: exact!['latentScore']!.toExponential(1) });
  expect(exact!['latentScore']).toBeLessThan(1e-10); // squares of float32 roundings
  expect(wrong!['latentScore']).toBeGreaterThan(1e-3);
});

test('gradient penalty: the mean over directions is the squared norm of a linear decoder', async () => {
  const parameters = randomParameters(linear, 5, 0.9);
  const noise = Array.from({ length: 60 }, () => zeros([N, K]));
  const objective = { type: 'gradient-penalty', ...weights } as const;
  const terms = await termsOf({ ...linear, objective }, parameters, noise);
  const values = terms.map(({ squaredJacobian }) => squaredJacobian!);
  const truth = parameters.get('decoder.0.weight')!.values.reduce((sum, w) => sum + w * w, 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const t = (mean - truth) / Math.sqrt(variance / values.length);
  const description = `${t.toFixed(2)}, mean ${mean.toFixed(3)} of ${truth.toFixed(3)}`;
  test.info().annotations.push({ type: 't', description });
  expect(Math.abs(t)).toBeLessThan(4); // by chance once in 5,000
});
