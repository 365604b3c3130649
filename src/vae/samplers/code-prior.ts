/**
 * A prior over the codewords of a vector-quantised model, fitted after training: how often each codeword stands at each place
 * of the latent, the places independent of each other. (Van den Oord et al. 2017, section 3.3, fit an autoregressive network.)
 */
import { integer } from '../../gpu/check.js';
import { ShapeError } from '../../gpu/errors.js';
import { drawIndex, uniformDraws } from '../float64/draws.js';
import { checkMatrix, entropyOfCounts, type Matrix } from '../metrics/matrix.js';

/** A codeword and how often it was seen at its place. */
interface Seen {
  readonly codeword: Float32Array;
  count: number;
}

/** Stream of the draws, away from other uses of a seed ("co"). */
const CHOICE_STREAM = 0x636f0000;

/** Shares of codewords at each place, fitted to the codes of data. */
export class CodePrior {
  readonly #places: readonly ReadonlyMap<string, Seen>[];

  /** Of `rows` latents. */
  constructor(
    places: readonly ReadonlyMap<string, Seen>[],
    readonly dimension: number,
    readonly rows: number,
  ) {
    this.#places = places;
  }

  /** Mean code length of a latent under this prior, nats: the sum of the places' entropies. */
  get entropy(): number {
    return this.#places.reduce(
      (sum, seen) => sum + entropyOfCounts(Array.from(seen.values(), ({ count }) => count)),
      0,
    );
  }

  /** log p(z) of every row in nats, `f64[N]`; -Infinity where a codeword was never seen. @throws ShapeError */
  logDensity(codes: Matrix): Float64Array {
    const rows = checkCodes(codes, this.dimension);
    const result = new Float64Array(rows);
    forEachCodeword(codes, this.dimension, (codeword, place, row) => {
      const seen = this.#places[place]?.get(codeword.join());
      result[row]! += Math.log((seen?.count ?? 0) / this.rows);
    });
    return result;
  }

  /** Latents for `vae.decode`, `f32[count, K]`. The same seed gives the same latents. */
  sample(count: number, { seed = 0 }: { readonly seed?: number } = {}): Float32Array {
    integer(count, 'codePrior.count', 1, 2 ** 24);
    const draw = uniformDraws(seed, CHOICE_STREAM);
    const latent = this.#places.length * this.dimension;
    const result = new Float32Array(count * latent);
    const choices = this.#places.map((seen) => {
      const codewords = [...seen.values()];
      return { codewords, counts: codewords.map(({ count: times }) => times) };
    });
    for (let row = 0; row < count; row++)
      choices.forEach(({ codewords, counts }, place) => {
        const { codeword } = codewords[drawIndex(counts, draw())]!;
        result.set(codeword, row * latent + place * this.dimension);
      });
    return result;
  }
}

/**
 * Fits the prior to codes f32[N, K], the rows that `encode` of a model with codewords of `dimension` numbers gives.
 * @throws ShapeError when the rows are not whole codewords
 */
export function fitCodePrior(codes: Matrix, dimension: number): CodePrior {
  const rows = checkCodes(codes, dimension);
  const places = Array.from({ length: codes.columns / dimension }, () => new Map<string, Seen>());
  forEachCodeword(codes, dimension, (codeword, place) => {
    const [seen, key] = [places[place]!, codeword.join()];
    const known = seen.get(key);
    if (known) known.count++;
    else seen.set(key, { codeword: Float32Array.from(codeword), count: 1 });
  });
  return new CodePrior(places, dimension, rows);
}

function checkCodes(codes: Matrix, dimension: number): number {
  const rows = checkMatrix(codes, 'codePrior');
  if (codes.columns % dimension === 0) return rows;
  throw new ShapeError(
    'codePrior',
    `rows have ${codes.columns} numbers; expected a multiple of the codewords' ${dimension}; pass spec.posterior.dimension`,
  );
}

function forEachCodeword(
  { columns, values }: Matrix,
  dimension: number,
  visit: (codeword: Float32Array | Float64Array, place: number, row: number) => void,
): void {
  for (let first = 0; first < values.length; first += dimension)
    visit(values.slice(first, first + dimension), (first % columns) / dimension, Math.floor(first / columns));
}
