/** What the PNG and the JPEG reader share: how large a picture may be, and how its faults are told. */
import { DataError } from '../../gpu/errors.js';

/** 33.6 megapixels, more than most cameras give; decoding such a JPEG takes about 0.9 GB for a moment. */
export const maxPixels = 2 ** 25;

/** A picture of maxPixels with 16 bits a channel and opacity is no larger. */
export const maxFileByteLength = 8 * maxPixels;

const cure = 'replace or remove it, or pass --skip-broken';

/** An error about one picture's file: what is wrong, and the way on. */
export function brokenPicture(path: string, fault: string, cause?: unknown): DataError {
  return new DataError(path, `${fault}; ${cure}`, { cause });
}

/** @throws DataError for sizes that a header states and no picture of ours has, before memory is taken for them */
export function checkPictureSize(width: number, height: number, path: string): void {
  const pixels = width * height;
  if (pixels > 0 && pixels <= maxPixels) return;
  throw brokenPicture(
    path,
    `its header promises ${height}x${width}; expected 1 to ${maxPixels} pixels a picture`,
  );
}
