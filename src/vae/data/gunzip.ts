/**
 * Inflates a gzip file whose exact length is known from its first bytes, and stops one byte past it.
 * Runtimes disagree on what may follow a gzip member (Node reads on, Chromium refuses), so the
 * verdict is ours: the length in the trailer (RFC 1952, ISIZE) must be the length that came out. Only a
 * file forged to end in the right length again passes in one and not in the other, with the right content.
 */
import { DataError } from '../../gpu/errors.js';

/** Compressed bytes handed over at a time: small, so that a bomb is cut off early. */
const inputChunkByteLength = 16 * 1024;

/** Deflate codes at most 258 bytes in two bits. */
const maxInflation = 1032;

const trailerByteLength = 8;

/** True if the bytes open as gzip does (RFC 1952, ID1 and ID2). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** How a caller tells the length of the content from its opening. */
export interface InflateRequest {
  /** What error messages open with. */
  readonly where: string;
  /** How many bytes `totalByteLength` wants to see. */
  readonly headerByteLength: number;
  /** Length of the whole content; sees fewer bytes than asked for if no more came out. May throw. */
  totalByteLength(header: Uint8Array): number;
}

/**
 * Inflates `bytes` to exactly the length that the content's own header states.
 *
 * @returns `u8[totalByteLength]`, header included
 * @throws DataError if the stream is cut short, damaged, or holds less or more than stated
 */
export async function gunzipExactly(bytes: Uint8Array, request: InflateRequest): Promise<Uint8Array> {
  const { where } = request;
  const reader = inflate(bytes).getReader();
  try {
    const head = await readHead(reader, request.headerByteLength);
    if (head.failed && head.bytes.length < request.headerByteLength) throw brokenStream(where);
    const total = request.totalByteLength(head.bytes.subarray(0, request.headerByteLength));
    if (total > bytes.length * maxInflation) {
      throw new DataError(
        where,
        `the header promises ${total} bytes, more than ${bytes.length} gzip bytes can hold; ` +
          'the file is cut short or forged; download it again',
      );
    }
    return await readRest(reader, head, total, statedByteLength(bytes), where);
  } finally {
    // Stops the inflater; after an error there is nothing left to stop.
    await reader.cancel().catch(() => undefined);
  }
}

interface Head {
  readonly bytes: Uint8Array;
  readonly failed: boolean;
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function readHead(reader: Reader, byteLength: number): Promise<Head> {
  let bytes = new Uint8Array(0);
  while (bytes.length < byteLength) {
    const chunk = await next(reader);
    if (chunk === 'failed') return { bytes, failed: true };
    if (chunk === 'end') return { bytes, failed: false };
    const longer = new Uint8Array(bytes.length + chunk.length);
    longer.set(bytes);
    longer.set(chunk, bytes.length);
    bytes = longer;
  }
  return { bytes, failed: false };
}

async function readRest(reader: Reader, head: Head, total: number, stated: number, where: string) {
  const content = new Uint8Array(total);
  let filled = 0;
  let chunk: Uint8Array | 'end' | 'failed' = head.bytes;
  while (typeof chunk !== 'string') {
    if (filled + chunk.length > total) {
      throw new DataError(
        where,
        `inflating gives more than the ${total} bytes that the header promises; stopped there; ` +
          'use the original file, header and content do not belong together',
      );
    }
    content.set(chunk, filled);
    filled += chunk.length;
    chunk = await next(reader);
  }
  // An error text would differ between runtimes; the stated length tells the cases apart in all of them.
  if (chunk === 'failed' && stated === total) throw damagedStream(where);
  if (chunk === 'failed' || stated !== filled) throw brokenStream(where);
  if (filled < total) {
    throw new DataError(
      where,
      `the file is cut short: its header promises ${total} bytes and inflating gives ${filled}; ` +
        'download or copy it again',
    );
  }
  return content;
}

async function next(reader: Reader): Promise<Uint8Array | 'end' | 'failed'> {
  try {
    const { done, value } = await reader.read();
    return done ? 'end' : value;
  } catch {
    return 'failed';
  }
}

function inflate(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  const source = new ReadableStream<BufferSource>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      // A copy: the stream may keep or transfer what it is given, and a Node Buffer's slice would not copy.
      controller.enqueue(new Uint8Array(bytes.subarray(at, at + inputChunkByteLength)));
      at += inputChunkByteLength;
    },
  });
  return source.pipeThrough(new DecompressionStream('gzip'));
}

/** ISIZE, the last four bytes; -1 where the file is too short to have a trailer. */
function statedByteLength(bytes: Uint8Array): number {
  if (bytes.length < trailerByteLength) return -1;
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
}

function brokenStream(where: string): DataError {
  return new DataError(
    where,
    'the gzip stream is cut short or damaged, or other bytes follow its end; expected one complete member; ' +
      'download or copy the file again',
  );
}

function damagedStream(where: string): DataError {
  return new DataError(
    where,
    'the gzip data does not decode although its length is right: it is damaged, or a second member follows; ' +
      'download or copy the file again',
  );
}
