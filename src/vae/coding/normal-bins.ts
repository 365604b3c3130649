/**
 * A latent in bits-back coding: the line cut into 2^12 bins that the standard normal prior finds equally likely, and a
 * normal posterior over those bins in whole numbers (Townsend, Bird and Barber 2019, "Practical lossless compression
 * with latent variables using bits back coding", section 2.5.1).
 */
import { DataError } from '../../gpu/errors.js';
import { normalCdf, normalQuantile } from './exact-math.js';
import { frequencyTotal, type RansStack } from './rans.js';

/** log2 of the number of bins: at the prior's centre they are 0.0006 wide, at z = 3 they are 0.05. */
export const binBits = 12;
export const binCount = 4096;

/** f64[4095]: the inner edges, Phi^-1(i / 4096) at index i - 1. */
let edges: Float64Array | undefined;
/** f32[4096]: the median of each bin, Phi^-1((i + 1/2) / 4096): the z that is decoded. */
let centres: Float32Array | undefined;

function innerEdges(): Float64Array {
  edges ??= Float64Array.from({ length: binCount - 1 }, (_, i) => normalQuantile((i + 1) / binCount));
  return edges;
}

/** The z of a bin. */
export function binCentre(bin: number): number {
  centres ??= Float32Array.from({ length: binCount }, (_, i) => normalQuantile((i + 0.5) / binCount));
  return centres[bin]!;
}

/**
 * Slot at which a bin begins under N(mean, scale^2): 0 at 0, never falling, 2^16 at 4096. A bin may have no slot: it is
 * never popped then, and only what was popped is pushed.
 */
function startOf(bin: number, mean: number, scale: number): number {
  if (bin === 0) return 0;
  if (bin === binCount) return frequencyTotal;
  return Math.floor(normalCdf((innerEdges()[bin - 1]! - mean) / scale) * frequencyTotal + 0.5);
}

/** Pops a bin from N(mean, scale^2): a sample of the posterior out of the bits on the stack. */
export function popNormalBin(stack: RansStack, mean: number, scale: number): number {
  const { slot } = stack;
  let low = 0;
  let high = binCount - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (startOf(middle, mean, scale) <= slot) low = middle;
    else high = middle - 1;
  }
  const start = startOf(low, mean, scale);
  stack.drop(start, startOf(low + 1, mean, scale) - start);
  return low;
}

/**
 * Pushes a bin under N(mean, scale^2): gives the bits back.
 * @throws DataError for a bin that has no slot, which cannot have been popped
 */
export function pushNormalBin(stack: RansStack, bin: number, mean: number, scale: number): void {
  const start = startOf(bin, mean, scale);
  const frequency = startOf(bin + 1, mean, scale) - start;
  if (!(frequency >= 1))
    throw new DataError(
      'bits-back',
      `a latent is in bin ${bin}, which N(${mean}, ${scale}^2) gives no slot; expected one that was drawn from it; the file is damaged, or the networks give other bits here`,
    );
  stack.push(start, frequency);
}
