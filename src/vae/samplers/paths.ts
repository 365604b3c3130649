/** Ways through the latent space: functions of codes alone, decoded and drawn by whoever asks for them. */
import { integer } from '../../gpu/check.js';
import { ShapeError, SpecError } from '../../gpu/errors.js';

/**
 * `steps` codes on the straight line from `a` to `b`, both included: `(1 - t) a + t b`, f32[steps, K].
 * @throws ShapeError for codes of different sizes, SpecError for fewer than 2 steps
 */
export function linearPath(a: Float32Array, b: Float32Array, steps: number): Float32Array {
  return path(a, b, steps, 'linearPath', (t) => [1 - t, t]);
}

/**
 * `steps` codes along the great arc from `a` to `b`: `sin((1 - t) w) / sin w a + sin(t w) / sin w b` with the angle w
 * between them, f32[steps, K]. Lengths between stay near those of the ends, as a Gaussian prior's samples have them.
 * Shoemake 1985; White 2016, section 2.1. Codes in one direction take the straight line.
 *
 * @throws ShapeError for codes of different sizes, SpecError for fewer than 2 steps or opposite codes
 */
export function sphericalPath(a: Float32Array, b: Float32Array, steps: number): Float32Array {
  const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (Math.PI - angle < 1e-6)
    throw new SpecError(
      'sphericalPath',
      'the codes point in opposite directions, so every arc is as short; go by a third code',
    );
  if (!(angle > 1e-6)) return path(a, b, steps, 'sphericalPath', (t) => [1 - t, t]); // NaN: a code is 0
  return path(a, b, steps, 'sphericalPath', (t) => [
    Math.sin((1 - t) * angle) / Math.sin(angle),
    Math.sin(t * angle) / Math.sin(angle),
  ]);
}

/**
 * A square between four codes, side codes a row: the corners are `a` (top left), `b` (top right), `c` (bottom left) and
 * `d`, and weights are products of the straight lines' along both sides. f32[side * side, K], row by row.
 *
 * @throws ShapeError for codes of different sizes, SpecError for a side below 2
 */
export function bilinearGrid(
  [a, b, c, d]: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
  side: number,
): Float32Array {
  const [left, right] = [linearPath(a, c, side), linearPath(b, d, side)];
  const K = a.length;
  if (left.length !== right.length)
    throw new ShapeError(
      'bilinearGrid',
      `corners have ${K} and ${b.length} values; expected as many in each; pass codes of one model`,
    );
  const grid = new Float32Array(side * side * K);
  for (let row = 0; row < side; row++) {
    const [from, to] = [left, right].map((edge) => edge.subarray(row * K, (row + 1) * K)) as [
      Float32Array,
      Float32Array,
    ];
    grid.set(linearPath(from, to, side), row * side * K);
  }
  return grid;
}

/** What a traversal runs over. */
export interface TraversalOptions {
  /** Codes a latent: 9. */
  readonly steps?: number;
  /** First and last value: -3 and 3, nearly all of the standard normal prior. */
  readonly range?: readonly [first: number, last: number];
  /** Which latents, in the order of the rows; all by default. */
  readonly latents?: readonly number[];
}

/**
 * The code `z` with one latent at a time running over a range: f32[latents * steps, K], a latent a row of the picture.
 * @throws SpecError for a latent that does not exist or fewer than 2 steps
 */
export function traversals(z: Float32Array, options: TraversalOptions = {}): Float32Array {
  const { steps = 9, range = [-3, 3], latents = Array.from(z, (_, k) => k) } = options;
  const K = z.length;
  integer(steps, 'traversals.steps', 2, 1e4);
  const codes = new Float32Array(latents.length * steps * K);
  for (const [row, latent] of latents.entries()) {
    integer(latent, 'traversals.latents', 0, K - 1);
    for (let step = 0; step < steps; step++) {
      const at = (row * steps + step) * K;
      codes.set(z, at);
      codes[at + latent] = range[0] + ((range[1] - range[0]) * step) / (steps - 1);
    }
  }
  return codes;
}

function path(
  a: Float32Array,
  b: Float32Array,
  steps: number,
  where: string,
  weights: (t: number) => readonly [number, number],
): Float32Array {
  integer(steps, `${where}.steps`, 2, 1e6);
  const K = a.length;
  if (b.length !== K || K === 0)
    throw new ShapeError(
      where,
      `the ends have ${K} and ${b.length} values; expected as many in both; pass codes of one model`,
    );
  const codes = new Float32Array(steps * K);
  for (let step = 0; step < steps; step++) {
    const [first, second] = weights(step / (steps - 1));
    for (let k = 0; k < K; k++) codes[step * K + k] = first * a[k]! + second * b[k]!;
  }
  return codes;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);
}
