/**
 * The gradient by phi of E[z^2] under N(phi, 1), which is 2 phi, estimated in two ways from the same n draws on the GPU:
 * the score function, mean of z^2 (z - phi), and reparameterized, mean of 2 (phi + eps). Both are polynomials of eps,
 * so every moment of theirs is known exactly. Mohamed et al. 2020, "Monte Carlo gradient estimation", section 3.
 */
import {
  affine,
  Executable,
  makePlan,
  multiply,
  noise,
  Scheduler,
  square,
  sum,
  type Device,
} from 'webgpu-vae/gpu';

export const estimators = ['score function', 'reparameterized'] as const;
export type EstimatorName = (typeof estimators)[number];

/** What is known of one draw: E[g], Var[g], and the excess kurtosis, which says how well a variance can be measured. */
export interface Moments {
  readonly mean: number;
  readonly variance: number;
  readonly kurtosis: number;
}

/** Mean and variance over `repetitions` estimates, each the mean of n draws. */
export interface Measured {
  readonly n: number;
  readonly repetitions: number;
  readonly mean: number;
  readonly variance: number;
}

/** E[p(eps)] of a polynomial with coefficients by power: E[eps^m] = (m - 1)!! for even m, 0 for odd. */
function expectation(coefficients: readonly number[]): number {
  let [total, doubleFactorial] = [0, 1];
  for (let power = 0; power < coefficients.length; power += 2) {
    if (power > 0) doubleFactorial *= power - 1;
    total += coefficients[power]! * doubleFactorial;
  }
  return total;
}

function product(a: readonly number[], b: readonly number[]): number[] {
  const result = Array.from({ length: a.length + b.length - 1 }, () => 0);
  a.forEach((left, i) => b.forEach((right, j) => (result[i + j]! += left * right)));
  return result;
}

/**
 * Of one draw. With z = phi + eps the score function's is phi^2 eps + 2 phi eps^2 + eps^3, of variance
 * phi^4 + 14 phi^2 + 15; the reparameterized one 2 phi + 2 eps, of variance 4.
 */
export function momentsOf(name: EstimatorName, phi: number): Moments {
  const polynomial = name === 'score function' ? [0, phi ** 2, 2 * phi, 1] : [2 * phi, 2];
  const mean = expectation(polynomial);
  const centred = polynomial.map((value, power) => (power === 0 ? value - mean : value));
  const squared = product(centred, centred);
  const variance = expectation(squared);
  return { mean, variance, kurtosis: expectation(product(squared, squared)) / variance ** 2 - 3 };
}

/** Standard deviation of the variance measured over M estimates of n draws, relative to it (Cramer 1946, section 27.4). */
export function relativeError({ kurtosis }: Moments, { n, repetitions }: Measured): number {
  return Math.sqrt(2 / (repetitions - 1) + kurtosis / (n * repetitions));
}

/** Numbers a run draws; estimates are made a run at a time. */
const DRAWS_A_RUN = 2 ** 20;

/** `repetitions` estimates of n draws each, by both estimators. */
export async function measure(
  device: Device,
  { phi, n, repetitions, seed = 1 }: { phi: number; n: number; repetitions: number; seed?: number },
): Promise<Record<EstimatorName, Measured>> {
  const rows = Math.min(repetitions, Math.max(1, Math.floor(DRAWS_A_RUN / n)));
  const eps = noise([rows, n]);
  const z = affine(eps, 1, phi);
  const outputs = {
    'score function': affine(sum(multiply(square(z), eps), [1]), 1 / n, 0),
    reparameterized: affine(sum(z, [1]), 2 / n, 0),
  };
  const executable = await Executable.create(
    device,
    makePlan({ label: 'variance', outputs }, device.adapterClass),
  );
  const scheduler = new Scheduler(device);
  const estimates: Record<EstimatorName, number[]> = { 'score function': [], reparameterized: [] };
  try {
    for (let stream = 0; estimates.reparameterized.length < repetitions; stream++) {
      await scheduler.run(executable, { seed: [seed, n], stream });
      for (const name of estimators) estimates[name].push(...(await executable.read(name)));
    }
  } finally {
    executable.destroy();
  }
  const measured = (name: EstimatorName): Measured => ({
    n,
    repetitions,
    ...statistics(estimates[name].slice(0, repetitions)),
  });
  return { 'score function': measured('score function'), reparameterized: measured('reparameterized') };
}

function statistics(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) };
}
