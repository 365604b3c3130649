/** What tells a data set from another: a resumed training goes on only with the data that it began with. */
import { CheckpointError, DataError } from '../../gpu/errors.js';
import { sha256 } from '../checkpoint/digest.js';
import { difference } from '../difference.js';
import { bytesOf, type Dataset } from './dataset.js';

/** Plain data for a checkpoint. The order of an epoch follows from `rows`, the seed and the epoch. */
export interface DataFingerprint {
  readonly rows: number;
  readonly shape: readonly number[];
  /** Whether values are u8 or f32. */
  readonly format: 'bytes' | 'floats';
  /** SHA-256 of the values, hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of the labels, where the model is told them. */
  readonly labels?: string;
}

/** @throws CheckpointError where `crypto.subtle` is missing */
export async function fingerprint(data: Dataset, usesLabels: boolean): Promise<DataFingerprint> {
  const { rows, shape, values, labels } = data;
  return {
    rows,
    shape: [...shape],
    format: values instanceof Float32Array ? 'floats' : 'bytes',
    sha256: await sha256(bytesOf(values), 'data'),
    ...(usesLabels && labels && { labels: await sha256(bytesOf(labels), 'data') }),
  };
}

/** @throws DataError naming what differs between the data of a checkpoint and those of the call; CheckpointError for fed batches */
export function checkSameData(saved: DataFingerprint | undefined, given: DataFingerprint | undefined): void {
  if (!saved || !given) {
    if (saved === given) return;
    const kinds = saved ? ['a data set', 'none'] : ['batches that were fed to step()', 'a data set'];
    throw new CheckpointError(
      'resume',
      `the training had ${kinds[0]} and was given ${kinds[1]}; go on as it began`,
    );
  }
  const found = difference(saved, given);
  if (!found) return;
  throw new DataError(
    'data',
    `${found.path} is ${found.given}; the checkpoint was trained on data with ${found.saved}; resume with the same rows in the same order, or train anew`,
  );
}
