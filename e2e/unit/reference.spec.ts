/**
 * Plan: the float64 reference is what every kernel is judged by, so it is judged here by what it cannot tune.
 * - integers (Threefry, shuffle): published vectors, and numbers from a separate implementation in Python;
 * - distributions: densities integrate to 1, noise has the right moments, estimators A and B agree in the mean;
 * - the bound: PPCA in closed form (golden values), where the gradient at the optimum must vanish.
 * Backward rules are in reference-gradients.spec.ts, values against PyTorch in goldens.spec.ts.
 */
import { expect, test } from '@playwright/test';
import { erf, erfc } from '../reference/erf.js';
import { logLikelihood, logLikelihoodBackward, type LikelihoodFamily } from '../reference/likelihood.js';
import { digamma, logGamma, tetragamma, trigamma } from '../reference/gamma.js';
import { matmul, matmulMagnitude } from '../reference/matmul.js';
import { normalElement, normalNoise, uniformElement, uniformNoise } from '../reference/noise.js';
import { objective } from '../reference/objective.js';
import { epochOrder } from '../reference/permutation.js';
import * as ppca from '../reference/ppca.js';
import * as reduce from '../reference/reduce.js';
import { reparameterize, reparameterizeBackward } from '../reference/reparameterize.js';
import * as tensor from '../reference/tensor.js';
import { randomNormal, type F64 } from '../reference/tensor.js';
import { threefry } from '../reference/threefry.js';
import {
  parameterShapes,
  vaeBackward,
  vaeForward,
  type DenseVaeSpec,
  type Parameters,
} from '../reference/vae.js';

function mean(values: ArrayLike<number>, f = (value: number): number => value): number {
  return Array.from(values, f).reduce((sum, value) => sum + value / values.length, 0);
}

/** Largest magnitude; NaN counts as infinite. */
function largest(x: F64): number {
  return x.values.reduce(
    (worst, v) => (Math.abs(v) <= worst ? worst : Number.isNaN(v) ? Infinity : Math.abs(v)),
    0,
  );
}

/** A linear VAE with the parameters of a linear Gaussian model: empty encoder and decoder, learned scale. */
function linearVae(model: ppca.LinearModel, variances: readonly number[]): [DenseVaeSpec, Parameters] {
  const K = variances.length;
  const spec: DenseVaeSpec = {
    input: [8],
    latent: K,
    encoder: [],
    decoder: [],
    likelihood: { type: 'gaussian', scale: 'learned' },
  };
  const parameters: Parameters = new Map(
    [...parameterShapes(spec)].map(([name, shape]) => [name, tensor.zeros(shape)]),
  );
  parameters.set('mean.weight', ppca.exactPosterior(model).encoder);
  parameters.set('log_variance.bias', tensor.fromValues([K], variances.map(Math.log)));
  parameters.set('decoder.0.weight', model.W);
  parameters.set('likelihood.log_variance', tensor.fromValues([1], [Math.log(model.sigma2)]));
  return [spec, parameters];
}

/** All sign patterns of +-1, S = 2^K samples a datum: the mean of a quadratic in eps over them is its expectation. */
function signNoise(K: number): F64 {
  const S = 2 ** K;
  return tensor.map(tensor.zeros([S * 200, K]), (_, i) =>
    (Math.floor(i / (200 * K)) >> (i % K)) & 1 ? 1 : -1,
  );
}

/** `f64[1, 1]` */
function single(value: number): F64 {
  return tensor.fromValues([1, 1], [value]);
}

/** Threefry's two words for a key and a counter. */
function wordsInHex(low: number, high: number, counter0: number, counter1: number): string[] {
  return threefry({ low, high }, [counter0, counter1]).map((word) => word.toString(16));
}

/** Euler's constant, and zeta(3). */
const EULER = 0.5772156649015329;
const APERY = 1.2020569031595942;

test.describe('values', () => {
  test('log gamma, digamma and trigamma where they are known', () => {
    const near = (actual: number, expected: number): void =>
      expect(Math.abs(actual - expected)).toBeLessThan(2e-14 * Math.max(1, Math.abs(expected)));
    let logFactorial = 0;
    for (let n = 1; n < 40; n++, logFactorial += Math.log(n - 1)) near(logGamma(n), logFactorial);
    near(logGamma(0.5), Math.log(Math.PI) / 2);
    near(digamma(1), -EULER);
    near(digamma(0.5), -EULER - 2 * Math.LN2);
    near(trigamma(1), Math.PI ** 2 / 6);
    near(trigamma(0.5), Math.PI ** 2 / 2);
    near(tetragamma(1), -2 * APERY);
    // the reflection formulas tie small arguments to their mirror images
    near(logGamma(0.001) + logGamma(0.999), Math.log(Math.PI / Math.sin(Math.PI / 1000)));
  });

  test('matmul and its magnitude by hand', () => {
    const a = tensor.fromValues([2, 2], [1, -2, 3, 4]);
    const b = tensor.fromValues([2, 3], [1, 0, -1, 2, 1, 5]);
    const bias = tensor.fromValues([3], [10, 20, -30]);
    expect([...matmul(a, b, { bias }).values]).toEqual([7, 18, -41, 21, 24, -13]);
    expect([...matmul(a, b, { bias, activation: 'relu' }).values]).toEqual([7, 18, 0, 21, 24, 0]);
    expect([...matmulMagnitude(a, b, { bias, activation: 'relu' }).values]).toEqual([15, 22, 41, 21, 24, 53]);
    const expected = matmul(a, b).values;
    const [aT, bT] = [a, b].map((x) => reduce.transpose(x, [1, 0]));
    expect(matmul(aT!, bT!, { transposeA: true, transposeB: true }).values).toEqual(expected);
  });

  test('sum, slice, pad, transpose, broadcast by hand', () => {
    const x = tensor.fromValues([2, 3], [1, 2, 3, 4, 5, 6]);
    expect(reduce.sum(x, [0])).toEqual(tensor.fromValues([3], [5, 7, 9]));
    expect(reduce.sum(x, [1], true)).toEqual(tensor.fromValues([2, 1], [6, 15]));
    expect(reduce.sum(x, [0, 1])).toEqual(tensor.fromValues([1], [21]));
    expect(reduce.slice(x, 1, 1, 2)).toEqual(tensor.fromValues([2, 2], [2, 3, 5, 6]));
    expect(reduce.pad(x, 0, 1, 0)).toEqual(tensor.fromValues([3, 3], [0, 0, 0, 1, 2, 3, 4, 5, 6]));
    expect(reduce.transpose(x, [1, 0])).toEqual(tensor.fromValues([3, 2], [1, 4, 2, 5, 3, 6]));
    expect(reduce.broadcastTo(tensor.fromValues([2, 1], [7, 8]), [2, 2]).values).toEqual(
      Float64Array.of(7, 7, 8, 8),
    );
  });

  test('erf and erfc agree with NIST DLMF table values and meet where their formulas change', () => {
    expect(Math.abs(erf(0.5) - 0.5204998778130465)).toBeLessThan(1e-15);
    expect(Math.abs(erf(1) - 0.8427007929497149)).toBeLessThan(1e-15);
    expect(Math.abs(erf(-2.5) + 0.999593047982555)).toBeLessThan(1e-15);
    expect(Math.abs(erfc(5) / 1.5374597944280349e-12 - 1)).toBeLessThan(1e-13);
    expect(Math.abs(erfc(2 - 1e-15) / erfc(2) - 1)).toBeLessThan(1e-13);
  });

  test('log-variance is clamped to [-30, 20] and gets no gradient outside', () => {
    const options = { posterior: 'diagonal', estimator: 'B' } as const;
    const noise = tensor.fromValues([1, 4], [1, 1, 1, 1]);
    const outside = tensor.fromValues([1, 8], [0, 0, 0, 0, -40, 25, -30, 20]);
    const clamped = tensor.fromValues([1, 8], [0, 0, 0, 0, -30, 20, -30, 20]);
    expect(reparameterize(outside, noise, options)).toEqual(reparameterize(clamped, noise, options));
    const one = tensor.full([1, 4], 1);
    const gradient = reparameterizeBackward(outside, noise, options, one, tensor.full([1], 1));
    const zeros = [...gradient.values].flatMap((g, i) => (g === 0 ? [i] : []));
    expect(zeros).toEqual([4, 5]); // -40 and 25; the ends of the range still pass the gradient
  });

  test('estimators A and B of the KL agree in the mean over 20,000 samples', () => {
    const S = 20_000;
    for (const posterior of ['diagonal', 'isotropic'] as const) {
      const columns = posterior === 'diagonal' ? 4 : 3;
      const moments = tensor.fromValues([1, columns], [0.5, -1, 0.4, -0.7].slice(0, columns));
      const noise = randomNormal([S, 2], 30);
      const analytic = reparameterize(moments, noise, { posterior, estimator: 'B' }).kl.values[0]!;
      const sampled = reparameterize(moments, noise, { posterior, estimator: 'A' }).kl.values;
      const standardError = Math.sqrt(mean(sampled, (v) => (v - analytic) ** 2) / S);
      expect(Math.abs(mean(sampled) - analytic)).toBeLessThan(4 * standardError);
      expect(standardError).toBeLessThan(0.02);
    }
  });

  test('every likelihood integrates to 1', () => {
    const [parameter, step] = [0.3, 1e-3];
    const density = (kind: LikelihoodFamily, x: number): number => {
      const logScale = kind === 'bernoulli' ? undefined : tensor.fromValues([1], [-0.4]);
      return Math.exp(logLikelihood(kind, single(parameter), single(x), logScale).values[0]!);
    };
    expect(density('bernoulli', 0) + density('bernoulli', 1)).toBeCloseTo(1, 12);
    for (const kind of ['gaussian', 'laplace'] as const) {
      let area = 0;
      for (let x = parameter - 30; x < parameter + 30; x += step) area += density(kind, x) * step;
      expect(area).toBeCloseTo(1, 6);
    }
  });

  test('the Laplace gradient at x = mu is 0', () => {
    const at = single(0.3);
    const one = tensor.full([1], 1);
    const { predictionGradient } = logLikelihoodBackward('laplace', at, at, tensor.zeros([1]), one);
    expect(predictionGradient.values[0]).toBe(0);
  });

  test('padded rows do not count in the objective, whatever they hold', () => {
    const kl = tensor.fromValues([6], [1, 2, NaN, 3, 4, NaN]);
    const reconstruction = tensor.fromValues([6], [-10, -20, NaN, -30, -40, NaN]);
    const { loss, terms } = objective(kl, reconstruction, { batch: 3, rowCount: 2, beta: 2 });
    expect(terms).toEqual({ elbo: -30, reconstruction: -25, kl: 2.5 });
    expect(loss).toBe(30);
  });
});

test.describe('random numbers', () => {
  test('Threefry2x32-20 gives the known answers of Random123', () => {
    const ones = 0xffffffff;
    expect(wordsInHex(0, 0, 0, 0)).toEqual(['6b200159', '99ba4efe']);
    expect(wordsInHex(ones, ones, ones, ones)).toEqual(['1cb996fc', 'bb002be7']);
    expect(wordsInHex(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual(['c4923a9c', '483df7a0']);
  });

  test('noise elements equal those of a separate implementation', () => {
    const seed = { low: 0x13198a2e, high: 0xf3707344 };
    const normal = {
      0: -1.8590920966569366,
      1: 1.1281756905598388,
      2: 0.3274160568169496,
      12345: 1.7849294576472288,
    };
    const uniform = {
      0: 0.09399604797363281,
      1: 0.4131912589073181,
      2: 0.7610217928886414,
      12345: 0.28548920154571533,
    };
    for (const [e, value] of Object.entries(normal))
      expect(normalElement(Number(e), seed, 5)).toBeCloseTo(value, 14);
    for (const [e, value] of Object.entries(uniform)) expect(uniformElement(Number(e), seed, 5)).toBe(value);
  });

  test('noise has the moments of its distribution and no correlation between pairs or streams', () => {
    const N = 100_000;
    const bound = (variance: number): number => 5 * Math.sqrt(variance / N); // five standard errors
    const noise = normalNoise([N], { low: 1, high: 2 }, 3).values;
    const other = normalNoise([N], { low: 1, high: 2 }, 4).values;
    expect(Math.abs(mean(noise))).toBeLessThan(bound(1));
    expect(Math.abs(mean(noise, (v) => v ** 2) - 1)).toBeLessThan(bound(2));
    expect(Math.abs(mean(noise, (v) => v ** 3))).toBeLessThan(bound(15));
    expect(Math.abs(mean(noise, (v) => v ** 4) - 3)).toBeLessThan(bound(96));
    expect(Math.abs(mean(noise.map((v, i) => v * noise[i ^ 1]!)))).toBeLessThan(bound(2));
    expect(Math.abs(mean(noise.map((v, i) => v * other[i]!)))).toBeLessThan(bound(1));
    const uniform = uniformNoise([N], { low: 1, high: 2 }, 3).values;
    expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(bound(1 / 12));
    expect(Math.abs(mean(uniform, (v) => v ** 2) - 1 / 3)).toBeLessThan(bound(4 / 45));
    expect(uniform.every((v) => v >= 0 && v < 1)).toBe(true);
  });

  for (const n of [1, 2, 3, 5, 31, 32, 33, 1000, 60_000])
    test(`the shuffle is a bijection of ${n}`, () => {
      const order = epochOrder(n, { low: 5, high: 6 }, 7);
      expect(order.toSorted()).toEqual(Uint32Array.from({ length: n }, (_, i) => i));
    });

  test('the shuffle equals that of a separate implementation and depends on seed and epoch', () => {
    expect([...epochOrder(10, { low: 7, high: 11 }, 3)]).toEqual([9, 7, 3, 4, 6, 8, 1, 2, 5, 0]);
    const large = epochOrder(60_000, { low: 0xdeadbeef, high: 1 }, 0);
    expect([0, 1, 2, 59_999].map((i) => large[i])).toEqual([57943, 47627, 34364, 19832]);
    const variants = [
      epochOrder(1000, { low: 1, high: 0 }, 0),
      epochOrder(1000, { low: 2, high: 0 }, 0),
      epochOrder(1000, { low: 1, high: 1 }, 0),
      epochOrder(1000, { low: 1, high: 0 }, 1),
    ];
    expect(new Set(variants.map(String)).size).toBe(variants.length);
  });

  for (const n of [3, 5, 32, 33])
    test(`every row of ${n} is equally likely first and last over 3,200 epochs`, () => {
      const epochs = 3200;
      for (const position of [0, n - 1]) {
        const counts = new Float64Array(n);
        for (let epoch = 0; epoch < epochs; epoch++)
          counts[epochOrder(n, { low: 8, high: 9 }, epoch)[position]!]! += 1;
        const chiSquare = counts.reduce((sum, count) => sum + (count - epochs / n) ** 2 / (epochs / n), 0);
        expect(chiSquare).toBeLessThan(n - 1 + 6 * Math.sqrt(2 * (n - 1))); // mean n - 1, variance 2 (n - 1)
      }
    });
});

test.describe('PPCA', () => {
  const x = ppca.ppcaData();
  const GOLDEN = { 1: -9.120481, 2: -9.009853, 3: -9.000656, 4: -8.990438 };

  for (const [k, golden] of Object.entries(GOLDEN))
    test(`k = ${k}: log p(x) and the best bound are ${golden}`, () => {
      const model = ppca.fitPpca(x, Number(k));
      const { encoder } = ppca.exactPosterior(model);
      expect(mean(ppca.logMarginal(model, x).values)).toBeCloseTo(golden, 6);
      const { elbo } = ppca.linearElbo(model, x, encoder, ppca.bestDiagonalVariances(model));
      expect(elbo).toBeCloseTo(golden, 6);
    });

  test('k = 2: the VAE at the optimum has the golden terms and a zero gradient', () => {
    const model = ppca.fitPpca(x, 2);
    expect(model.sigma2).toBeCloseTo(0.443061, 6);
    const [spec, parameters] = linearVae(model, ppca.bestDiagonalVariances(model));
    const { terms, gradients } = vaeBackward(spec, parameters, x, signNoise(2));
    expect(terms.elbo).toBeCloseTo(-9.009853, 6);
    expect(terms.reconstruction).toBeCloseTo(-8.095315, 6);
    expect(terms.kl).toBeCloseTo(0.914539, 6);
    for (const [name, gradient] of gradients) expect(largest(gradient), name).toBeLessThan(1e-12);
  });

  test('k = 2, W rotated: the posterior tilts and the best diagonal bound is -9.031800', () => {
    const model = ppca.rotateModel(ppca.fitPpca(x, 2), 0.5);
    expect(mean(ppca.logMarginal(model, x).values)).toBeCloseTo(-9.009853, 6);
    const [spec, parameters] = linearVae(model, ppca.bestDiagonalVariances(model));
    const { terms, gradients } = vaeBackward(spec, parameters, x, signNoise(2));
    expect(terms.elbo).toBeCloseTo(-9.0318, 6);
    for (const name of ['mean.weight', 'mean.bias', 'log_variance.weight', 'log_variance.bias'])
      expect(largest(gradients.get(name)!), name).toBeLessThan(1e-12);
  });

  test('with the exact posterior every single sample of estimator A is log p(x)', () => {
    const model = ppca.fitPpca(x, 2);
    const covariance = ppca.exactPosterior(model).covariance.values;
    expect(Math.abs(covariance[1]!)).toBeLessThan(1e-14); // diagonal, as W's columns are orthogonal
    const [spec, parameters] = linearVae(model, [covariance[0]!, covariance[3]!]);
    const noise = randomNormal([600, 2], 31);
    const { reconstruction, kl } = vaeForward(spec, parameters, x, noise, { estimator: 'A' });
    const exact = ppca.logMarginal(model, x).values;
    const error = reconstruction.values.map((value, r) => value - kl.values[r]! - exact[r % 200]!);
    expect(largest({ shape: [600], values: error })).toBeLessThan(1e-12);
  });
});
