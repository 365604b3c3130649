/** What a coded file must have in common with the model that reads it. */
import { CheckpointError, DataError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import type { Vae } from '../vae.js';
import { shortDigest, type CodedFile, type CodedKind } from './coded-file.js';
import type { RansStack } from './rans.js';

/** Refuses a number of data that the words cannot hold, each of at least `leastBits`. @throws DataError */
export function checkCapacity(rows: number, leastBits: number, stack: RansStack, where: string): void {
  const most = Math.floor(stack.bitLength / leastBits) + 1;
  if (rows <= most) return;
  throw new DataError(
    where,
    `states ${rows} data; its words hold at most ${most}; expected no more; the file is damaged or forged`,
  );
}

/** Digest of the model's file: weights, state and specification. */
export async function modelDigest(vae: Vae): Promise<string> {
  return shortDigest(new Uint8Array(await vae.save()));
}

/** Refuses a file of another kind, model or shape. @throws DataError, CheckpointError */
export async function checkFile(vae: Vae, file: CodedFile, kind: CodedKind, where: string): Promise<void> {
  if (file.kind !== kind)
    throw new DataError(
      where,
      `holds ${file.kind} data; expected ${kind}; use decompress() or decompressLossless(), whichever reads it`,
    );
  const model = await modelDigest(vae);
  if (file.model !== model)
    throw new CheckpointError(
      where,
      `was made with the model ${file.model}; this one is ${model}; load the model that the file was made with`,
    );
  if (elementCount(file.shape) !== vae.model.width)
    throw new DataError(
      where,
      `states data of [${file.shape.join(', ')}]; the model has [${vae.spec.input.join(', ')}]; the file is forged`,
    );
}
