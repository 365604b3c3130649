/**
 * A slot of a store: 64 hexadecimal digits of SHA-256 and a line end, then what they are taken over: 16 digits of a sequence
 * number, a line end, and the saved bytes. A slot that was torn by a crash, or never written, verifies as nothing.
 */
import { concatenate, encode } from '../checkpoint/concatenate.js';
import { sha256 } from '../checkpoint/digest.js';

export interface SlotContent {
  /** Counts the saves of a store. */
  readonly sequence: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const DIGEST_BYTES = 65;
const SEQUENCE_BYTES = 17;

/** The bytes of a slot's file. @throws CheckpointError where `crypto.subtle` is missing */
export async function frameSlot(bytes: Uint8Array, sequence: number): Promise<Uint8Array<ArrayBuffer>> {
  const counted = `${String(sequence).padStart(SEQUENCE_BYTES - 1, '0')}\n`;
  // One copy is hashed and written: the caller's bytes may change meanwhile.
  const file = concatenate(new Uint8Array(DIGEST_BYTES), encode(counted), bytes);
  file.set(encode(`${await sha256(file.subarray(DIGEST_BYTES), 'storage')}\n`));
  return file;
}

/** What a slot's file holds, or undefined if it is not whole. */
export async function readSlot(file: Uint8Array<ArrayBuffer>): Promise<SlotContent | undefined> {
  const text = (begin: number, end: number): string => new TextDecoder().decode(file.subarray(begin, end));
  const counted = /^(\d+)\n$/.exec(text(DIGEST_BYTES, DIGEST_BYTES + SEQUENCE_BYTES));
  if (!counted) return undefined;
  const digest = `${await sha256(file.subarray(DIGEST_BYTES), 'storage')}\n`;
  if (text(0, DIGEST_BYTES) !== digest) return undefined;
  return { sequence: Number(counted[1]), bytes: file.slice(DIGEST_BYTES + SEQUENCE_BYTES) };
}
