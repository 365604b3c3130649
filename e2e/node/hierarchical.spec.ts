/**
 * Plan: a hierarchy of latents against the closed-form marginal of a linear Gaussian one.
 * - 2 and 3 levels: exact posteriors meet log p(z) in every sample, whatever the noise; samples come from the top down;
 * - a posterior that is not exact misses it by its KL in the mean;
 * - a whole model of two levels: estimator A gives log p(x).
 */
import { expect, test } from '@playwright/test';
import type { Dataset } from '../../src/vae/data/dataset.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { float32, modelFile, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { build, densities, rowOf, run, TOLERANCE } from '../prior-run.js';
import { gaussianLogDensity } from '../reference/posteriors.js';
import * as ppca from '../reference/ppca.js';
import { fromValues, randomNormal, type F64 } from '../reference/tensor.js';

const plain = (latent: number): VaeSpec => ({ input: [6], latent, encoder: [], decoder: [] });

/** z = a z2 + b + N(0, diag exp s) with one z2, and p(z2) = N(m, v): the exact posterior of z2 is linear in z. */
function exactPosterior(
  a: readonly number[],
  b: readonly number[],
  s: readonly number[],
  m: number,
  v: number,
): { gain: number[]; offset: number; variance: number } {
  const precision = 1 / v + a.reduce((total, value, i) => total + value ** 2 / Math.exp(s[i]!), 0);
  const gain = a.map((value, i) => value / Math.exp(s[i]!) / precision);
  const offset = m / v / precision - gain.reduce((total, value, i) => total + value * b[i]!, 0);
  return { gain, offset, variance: 1 / precision };
}

/** The weights of one level: its decoder and its encoder, Linears whose log-variances are constant. */
function level(
  prefix: string,
  a: readonly number[],
  b: readonly number[],
  s: readonly number[],
  { gain, offset, variance }: ReturnType<typeof exactPosterior>,
): Record<string, number[]> {
  return {
    [`${prefix}.decoder.moments.weight`]: [...a, ...a.map(() => 0)],
    [`${prefix}.decoder.moments.bias`]: [...b, ...s],
    [`${prefix}.posterior.moments.weight`]: gain.flatMap((value) => [value, 0]),
    [`${prefix}.posterior.moments.bias`]: [offset, Math.log(variance)],
  };
}

const [a, b, s] = [
  [1.2, -0.7, 0.4],
  [0.3, 0.1, -0.2],
  [-0.5, 0.2, -1],
];
const two: VaeSpec = { ...plain(3), prior: { type: 'hierarchical', latent: 1, encoder: [], decoder: [] } };
const three: VaeSpec = {
  ...plain(3),
  prior: {
    type: 'hierarchical',
    latent: 1,
    encoder: [],
    decoder: [],
    prior: { type: 'hierarchical', latent: 1, encoder: [], decoder: [] },
  },
};
// the third level: z2 = 0.8 z3 - 0.4 + N(0, exp(-0.3))
const [upA, upB, upS] = [[0.8], [-0.4], [-0.3]] as const;
const upVariance = upA[0] ** 2 + Math.exp(upS[0]);
const z = randomNormal([40, 3], 9, 1.5);

/** log N(z; b + a m, a a' v + diag exp s) of every row. */
const marginal = (m: number, v: number): number[] =>
  Array.from({ length: 40 }, (_, row) =>
    gaussianLogDensity(
      rowOf(z, row),
      b.map((value, i) => value + a[i]! * m),
      a.map((left, i) => a.map((right, j) => left * right * v + (i === j ? Math.exp(s[i]!) : 0))),
    ),
  );

const cases = [
  { name: 'two levels', spec: two, m: 0, v: 1, upper: {} },
  {
    name: 'three levels',
    spec: three,
    m: upB[0],
    v: upVariance,
    upper: level('prior.prior', upA, upB, upS, exactPosterior(upA, upB, upS, 0, 1)),
  },
];

for (const { name, spec, m, v, upper } of cases) {
  test(`${name}: exact posteriors give the marginal in every sample`, async () => {
    const built = build(spec, { ...upper, ...level('prior', a, b, s, exactPosterior(a, b, s, m, v)) });
    let worst = 0;
    for (const seed of [1, 2, 3])
      worst = Math.max(worst, scaledError(await densities(built, z, seed), marginal(m, v)));
    test.info().annotations.push({ type: 'log p(z)', description: worst.toExponential(1) });
    expect(worst).toBeLessThan(TOLERANCE);
  });

  test(`${name}: samples come from the top down`, async () => {
    const built = build(spec, { ...upper, ...level('prior', a, b, s, exactPosterior(a, b, s, m, v)) });
    const { prior } = built.model;
    const levels = name === 'two levels' ? 2 : 3;
    expect(prior.noiseWidth).toBe(2 + levels);
    const noise = randomNormal([20, prior.noiseWidth], 10);
    const expected = Array.from({ length: 20 }, (_, row) => {
      const e = rowOf(noise, row);
      const z2 = levels === 2 ? e[3]! : upA[0] * e[4]! + upB[0] + Math.exp(upS[0] / 2) * e[3]!;
      return a.map((value, i) => value * z2 + b[i]! + Math.exp(s[i]! / 2) * e[i]!);
    });
    const drawn = await run(built, noise, (x) => prior.draw(x));
    expect(scaledError(drawn, expected.flat())).toBeLessThan(TOLERANCE);
  });
}

test('a posterior that is not exact loses its KL in the mean', async () => {
  const exact = exactPosterior(a, b, s, 0, 1);
  const [shift, ratio] = [0.3, 1.5];
  const off = { ...exact, offset: exact.offset + shift, variance: exact.variance * ratio };
  const rows = 20_000;
  const same = {
    shape: [rows, 3],
    values: Float64Array.from({ length: 3 * rows }, (_, i) => z.values[i % 3]!),
  };
  const values = Array.from(await densities(build(two, level('prior', a, b, s, off)), same, 1));
  const mean = values.reduce((total, value) => total + value / rows, 0);
  const spread = Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2 / rows, 0) / rows);
  const kl = (ratio - 1 - Math.log(ratio) + shift ** 2 / exact.variance) / 2;
  const gap = marginal(0, 1)[0]! - mean;
  test.info().annotations.push({
    type: 'gap',
    description: `${gap.toFixed(4)} of ${kl.toFixed(4)} nats, standard error ${spread.toFixed(4)}`,
  });
  expect(kl).toBeGreaterThan(20 * spread); // the test could tell
  expect(Math.abs(gap - kl)).toBeLessThan(5 * spread);
});

test('a whole linear model of two levels scores log p(x), whatever the samples', async () => {
  const x = ppca.ppcaData();
  const [N, D] = [200, 8];
  const { W, sigma2 } = ppca.fitPpca(x, 1);
  const [up, base, variance] = [0.6, 0.2, 0.5]; // z = up z2 + base + N(0, variance)
  const v = up ** 2 + variance;
  // x = W z + noise, z ~ N(base, v): z's exact posterior, and z2's
  const below = exactPosterior(
    Array.from(W.values),
    Array.from({ length: D }, () => 0),
    Array.from({ length: D }, () => Math.log(sigma2)),
    base,
    v,
  );
  const above = exactPosterior([up], [base], [Math.log(variance)], 0, 1);
  const column = (values: number[]): F64 => fromValues([values.length, 1], values);
  const parameters = new Map<string, F64>([
    ['mean.weight', fromValues([1, D], below.gain)],
    ['mean.bias', fromValues([1], [below.offset])],
    ['log_variance.weight', fromValues([1, D], new Float64Array(D))],
    ['log_variance.bias', fromValues([1], [Math.log(below.variance)])],
    ['decoder.0.weight', W],
    ['decoder.0.bias', fromValues([D], new Float64Array(D))],
    ['likelihood.log_variance', fromValues([1], [Math.log(sigma2)])],
    ['prior.posterior.moments.weight', column([above.gain[0]!, 0])],
    ['prior.posterior.moments.bias', fromValues([2], [above.offset, Math.log(above.variance)])],
    ['prior.decoder.moments.weight', column([up, 0])],
    ['prior.decoder.moments.bias', fromValues([2], [base, Math.log(variance)])],
  ]);
  const spec: VaeSpec = {
    input: [D],
    latent: 1,
    encoder: [],
    decoder: [],
    prior: { type: 'hierarchical', latent: 1, encoder: [], decoder: [] },
    likelihood: { type: 'gaussian', scale: 'learned' },
  };
  const vae = await Vae.load(await modelFile(spec, parameters), { device: await nodeDevice() });
  const wider = { W: { ...W, values: W.values.map((w) => w * Math.sqrt(v)) }, sigma2 };
  const centred = { ...x, values: x.values.map((value, i) => value - W.values[i % D]! * base) };
  const exact = ppca.logMarginal(wider, centred).values.reduce((total, value) => total + value / N, 0);
  const data: Dataset = { rows: N, shape: [D], values: float32(x) };
  for (const seed of [1, 2]) {
    const { elbo } = await vae.evaluate(data, { seed, batchSize: N });
    test.info().annotations.push({ type: 'error', description: `${(elbo - exact).toExponential(1)} nats` });
    expect(Math.abs(elbo - exact)).toBeLessThan(1e-4);
  }
  vae.destroy();
});
