/**
 * SHA-256 of a checkpoint, as 64 hexadecimal digits. Guards against damage, not against a forger, who can
 * write a matching digest as well.
 */
import { CheckpointError } from '../../gpu/errors.js';
import { quote } from './header-scanner.js';
import { digestKey } from './safetensors-header.js';

/**
 * SHA-256 in lower-case hexadecimal.
 *
 * @throws CheckpointError where `crypto.subtle` is missing, as on an insecure page
 */
export async function sha256(bytes: Uint8Array<ArrayBuffer>, where: string): Promise<string> {
  // Absent on plain http, whatever the type says.
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) {
    throw new CheckpointError(
      where,
      'crypto.subtle is missing, so no digest can be taken; serve the page over https or from http://localhost',
    );
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What a file of ours says in the place of a digest when a program without SHA-256 wrote it. */
export const noDigest = 'none';

/**
 * The digest a file states, or undefined if it states none and none is required.
 *
 * @throws CheckpointError if it is not 64 hexadecimal digits, or missing though required
 */
export function narrowDigest(
  stated: string | undefined,
  where: string,
  isRequired: boolean,
): string | undefined {
  const claimed = stated === noDigest ? undefined : stated;
  if (claimed === undefined && isRequired) {
    throw new CheckpointError(
      where,
      `the metadata has no ${digestKey}; expected a digest of the content; save the file again with this library`,
    );
  }
  if (claimed !== undefined && !/^[0-9a-f]{64}$/.test(claimed)) {
    throw new CheckpointError(
      where,
      `metadata ${digestKey} is ${quote(claimed)}; expected 64 hexadecimal digits; the file is damaged`,
    );
  }
  return claimed;
}
