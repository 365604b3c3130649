/**
 * Plan: objectives without a second network. The loss, the terms and the gradient of every weight of a batch with padding
 * rows, in the epoch's order and with the kernels' own noise, against float64 and its central differences.
 * | axis      | cases                                                                                     |
 * | objective | each member, with weights at which each part shows; posterior, samples, likelihood vary    |
 * | limits    | weights at which a member is the plain bound, or its parts cancel                         |
 */
import { expect, test } from '@playwright/test';
import { affine, Executable, input, makePlan, noise, Scheduler, type Tensor } from 'webgpu-vae/gpu';
import { batchRows } from '../../src/vae/objectives/batch.js';
import { discrepancy } from '../../src/vae/objectives/mmd.js';
import type { ObjectiveInput } from '../../src/vae/objectives/objective-spec.js';
import { float32, randomParameters } from '../model.js';
import { nodeDevice } from '../node-device.js';
import {
  BATCH,
  compareObjective,
  differences,
  gradientError,
  runObjective,
  stepNoise,
  validOf,
  validRows,
  type ObjectiveCase,
} from '../objective-run.js';
import * as reference from '../reference/objectives.js';
import { randomNormal, randomUniform, type F64 } from '../reference/tensor.js';
import { vaeForward, type DenseVaeSpec } from '../reference/vae.js';
import { holdTo } from '../truth.js';

/** Of the loss and of each term, relative: chains of about 60 roundings. */
const VALUE_TOLERANCE = 1e-5;
/** Of a gradient, in units of the largest gradient. */
const GRADIENT_TOLERANCE = 1e-5;

/** N data in batches of 8: 8, then 5. */
const N = 13;
const [D, K] = [6, 3];
const layer = { type: 'dense', units: 5, activation: 'tanh' } as const;
const dense: DenseVaeSpec = { input: [D], latent: K, encoder: [layer], decoder: [layer] };
const gaussian = { type: 'gaussian', scale: 0.7 } as const;
const data = randomUniform([N, D], 9, 0, 1);
const PRIOR_NOISE = 0x6d6d6400;

type Stages = reference.Stages;

interface Row {
  readonly name: string;
  readonly objective: ObjectiveInput;
  readonly posterior?: 'isotropic';
  readonly likelihood?: typeof gaussian;
  readonly samples?: number;
  expected(stages: Stages, count: number): reference.Value;
}

const tcWeights = [0.5, 4, 1.5] as const;
const [alpha, beta, gamma] = tcWeights;
const mmd = { alpha: 0.25, lambda: 3, scale: 0.8 } as const;
const prior = (count: number) => validOf(stepNoise([BATCH, K], PRIOR_NOISE), count);
const dip = { offDiagonal: 3, diagonal: 2 } as const;

const rows: readonly Row[] = [
  {
    name: 'capacity above the KL',
    objective: { type: 'capacity', weight: 3, capacity: 7 },
    expected: (stages) => reference.capacity(stages, 3, 7),
  },
  {
    name: 'capacity below the KL, two samples',
    objective: { type: 'capacity', weight: 3, capacity: 0.1 },
    samples: 2,
    expected: (stages) => reference.capacity(stages, 3, 0.1),
  },
  {
    name: 'free bits, some latents above',
    objective: { type: 'free-bits', nats: 0.25 },
    expected: (stages) => reference.freeBits(stages, 0.25),
  },
  {
    name: 'free bits, isotropic',
    objective: { type: 'free-bits', nats: 0.05 },
    posterior: 'isotropic',
    expected: (stages) => reference.freeBits(stages, 0.05),
  },
  {
    name: 'beta-TC',
    objective: { type: 'beta-tc', alpha, beta, gamma },
    expected: (stages) => reference.betaTc(stages, N, tcWeights),
  },
  {
    name: 'beta-TC, isotropic, two samples, gaussian',
    objective: { type: 'beta-tc', alpha, beta, gamma },
    posterior: 'isotropic',
    likelihood: gaussian,
    samples: 2,
    expected: (stages) => reference.betaTc(stages, N, tcWeights),
  },
  ...(['rbf', 'imq'] as const).map((kernel, index) => ({
    name: `MMD, ${kernel}, ${index + 1} samples`,
    objective: { type: 'mmd', kernel, ...mmd } as const,
    samples: index + 1,
    expected: (stages: Stages, count: number) => reference.infoVae(stages, prior(count), { kernel, ...mmd }),
  })),
  ...(['I', 'II'] as const).map((variant) => ({
    name: `DIP ${variant}`,
    objective: { type: 'dip', variant, ...dip } as const,
    expected: (stages: Stages) => reference.dip(stages, variant, dip),
  })),
];

function caseOf({ objective, posterior, likelihood, samples }: Row): ObjectiveCase & { spec: DenseVaeSpec } {
  const base = { ...dense, ...(posterior && { posterior }), ...(likelihood && { likelihood }) };
  const spec = { ...base, objective };
  return { spec, parameters: randomParameters(base, 3, 0.9), data, ...(samples && { samples }) };
}

/** Stages of the reference with moments f64[n, 2K], whatever the posterior. */
function stagesOf(
  { spec, parameters }: ReturnType<typeof caseOf>,
  valid: ReturnType<typeof validRows>,
): Stages {
  const stages = vaeForward(spec, parameters, valid.x, valid.noise);
  if (spec.posterior !== 'isotropic') return stages;
  const spread = Array.from({ length: valid.count }, (_, i) => {
    const row = stages.moments.values.slice(i * (K + 1), (i + 1) * (K + 1));
    return [...row, row[K]!, row[K]!];
  });
  return { ...stages, moments: { shape: [valid.count, 2 * K], values: Float64Array.from(spread.flat()) } };
}

for (const row of rows)
  test(row.name, async () => {
    const given = caseOf(row);
    const valid = validRows(given);
    const value = () => row.expected(stagesOf(given, valid), valid.count);
    const [expected, actual] = [value(), await runObjective(given)];
    const gradients = differences(given.parameters, given.parameters.keys(), () => value().loss);
    const { relative, error } = compareObjective(actual, expected, gradients, VALUE_TOLERANCE);
    const member = `objective ${typeof row.objective === 'string' ? row.objective : row.objective.type}`;
    holdTo(member, 'float64, of the loss', relative, VALUE_TOLERANCE);
    holdTo(member, 'float64 differences, of the largest gradient', error, GRADIENT_TOLERANCE);
  });

test('a member with weights of the bound is the bound', async () => {
  const plain = caseOf({ name: 'elbo', objective: 'elbo', expected: () => ({ loss: 0, terms: {} }) });
  const bounds = { A: await runObjective({ ...plain, estimator: 'A' }), B: await runObjective(plain) };
  const members: readonly [keyof typeof bounds, ObjectiveInput][] = [
    ['A', { type: 'beta-tc', alpha: 1, beta: 1, gamma: 1 }],
    ['B', { type: 'capacity', weight: 1, capacity: 0 }],
    ['B', { type: 'free-bits', nats: 0 }],
    ['B', { type: 'mmd', alpha: 0, lambda: 1 }],
    ['B', { type: 'dip', offDiagonal: 0, diagonal: 0 }],
  ];
  expect(gradientError(bounds.A.gradients, bounds.B.gradients)).toBeGreaterThan(1e-3);
  for (const [estimator, objective] of members) {
    const { loss, gradients } = await runObjective({ ...plain, spec: { ...plain.spec, objective } });
    const bound = bounds[estimator];
    const name = JSON.stringify(objective);
    expect(Math.abs(loss - bound.loss) / Math.abs(bound.loss), name).toBeLessThan(VALUE_TOLERANCE);
    expect(gradientError(gradients, bound.gradients), name).toBeLessThan(GRADIENT_TOLERANCE);
  }
});

test('the three parts of beta-TC sum to the sampled KL', async () => {
  const given = caseOf(rows.find(({ name }) => name === 'beta-TC')!);
  const valid = validRows(given);
  const { kl } = vaeForward(given.spec, given.parameters, valid.x, valid.noise, { estimator: 'A' });
  const sampled = kl.values.reduce((sum, value) => sum + value, 0) / kl.values.length;
  const { terms } = await runObjective(given);
  const parts = Object.values(terms).reduce((sum, value) => sum + value, 0);
  test.info().annotations.push({ type: 'parts - KL', description: (parts - sampled).toExponential(1) });
  expect(Math.abs(parts - sampled)).toBeLessThan(VALUE_TOLERANCE * Math.abs(sampled));
});

/** MMD of x and y in a batch with `count` valid rows, for every stream. */
async function discrepancies(
  [x, y]: readonly [Tensor, Tensor],
  kernel: 'rbf' | 'imq',
  count: number,
  { streams, inputs = {} }: { streams: number; inputs?: Readonly<Record<string, F64>> },
): Promise<number[]> {
  const device = await nodeDevice();
  const mmdOf = discrepancy(x, y, batchRows(x.shape[0]!), kernel, 1);
  const plan = makePlan({ label: 'mmd', outputs: { mmd: mmdOf } }, device.adapterClass);
  const executable = await Executable.create(device, plan);
  for (const [name, value] of Object.entries(inputs)) executable.write(name, float32(value));
  const values: number[] = [];
  for (let stream = 0; stream < streams; stream++) {
    await new Scheduler(device).run(executable, { seed: [3, 0], stream, row_count: count });
    values.push((await executable.read('mmd'))[0]!);
  }
  executable.destroy();
  return values;
}

for (const kernel of ['rbf', 'imq'] as const)
  test(`MMD of a sample with itself is 0, whatever its padding holds: ${kernel}`, async () => {
    const x = randomNormal([BATCH, 2], 1);
    const y = { ...x, values: x.values.map((value, i) => (i < 10 ? value : value + 3)) };
    const tensors = [input('x', x.shape), input('y', y.shape)] as const;
    const options = { streams: 1, inputs: { x, y } };
    // a sum of 20 pairs of at most 4 cancels to rounding
    expect(Math.abs((await discrepancies(tensors, kernel, 5, options))[0]!)).toBeLessThan(1e-6);
    expect(Math.abs((await discrepancies(tensors, kernel, 7, options))[0]!)).toBeGreaterThan(1e-2);
  });

/**
 * For x of N(0, I) and y of N(d, I) in two dimensions, kernel exp(-|x - y|^2 / 4) with t = 2:
 * MMD^2 = 2 t / (t + 2) (1 - exp(-|d|^2 / (2 (t + 2)))).
 */
for (const shift of [0, 0.8])
  test(`MMD is unbiased: normals ${shift} apart`, async () => {
    const shifted = affine(noise([32, 2], 2), 1, shift);
    const values = await discrepancies([noise([32, 2], 1), shifted], 'rbf', 32, { streams: 300 });
    const truth = 1 - Math.exp((-2 * shift ** 2) / 8);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    const t = (mean - truth) / Math.sqrt(variance / values.length);
    test.info().annotations.push({
      type: 't',
      description: `${t.toFixed(2)}, mean ${mean.toFixed(4)} of ${truth.toFixed(4)}`,
    });
    expect(variance).toBeGreaterThan(0);
    expect(Math.abs(t)).toBeLessThan(4); // by chance once in 16,000
  });
