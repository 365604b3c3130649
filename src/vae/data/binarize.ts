/** Pixels drawn once as 0 or 1, for measures that meet the same datum many times. Salakhutdinov and Murray 2008. */
import { symmetricUniform } from '../../gpu/threefry.js';
import { checkRange, type Dataset } from './dataset.js';

/** Stream of the draws, away from those of training and evaluation ("bi"). */
const STREAM = 0x62690000;

/**
 * Every value as 1 with itself as probability, else 0; the same seed draws the same.
 * @throws DataError for values outside [0, 1]
 */
export function binarizeOnce(data: Dataset, seed: number): Dataset {
  checkRange(data, 0, 1, 'data', 'binarize');
  const { values } = data;
  const scale = values instanceof Uint8Array ? 255 : 1;
  const draws = symmetricUniform(values.length, seed, STREAM); // in [-1, 1)
  return {
    ...data,
    values: Uint8Array.from(values, (value, i) => ((draws[i]! + 1) * scale < 2 * value ? 255 : 0)),
  };
}
