/** Checkpoints by URL: progress in bytes, abort, the browser's cache of files, and nothing that is not whole. */
import { CheckpointError } from '../../gpu/errors.js';
import { concatenate } from '../checkpoint/concatenate.js';
import { verifySafetensors } from '../checkpoint/safetensors.js';

/** How a checkpoint is fetched. */
export interface FetchOptions {
  /** Bytes so far and in all; undefined where the server does not say. */
  readonly onProgress?: (byteLength: number, total: number | undefined) => void;
  /** Rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Name of the browser's cache, `webgpu-vae` by default; `false` for none. Without Cache API there is none. */
  readonly cache?: string | false;
}

/**
 * The bytes of a safetensors file, for Vae.load(): from the cache where it was fetched before, else from the network. A file
 * that changes at the same URL is fetched anew with `cache: false`.
 * @throws CheckpointError naming the URL and what came: an HTTP error, a body cut short, a file that is damaged
 */
export async function fetchCheckpoint(
  url: string | URL,
  { onProgress, signal, cache = 'webgpu-vae' }: FetchOptions = {},
): Promise<Uint8Array> {
  const address = String(url);
  signal?.throwIfAborted();
  const store = cache === false ? undefined : await openCache(cache);
  const kept = await store?.match(address).catch(() => undefined);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    signal?.throwIfAborted();
    if (await isWhole(bytes, address)) {
      onProgress?.(bytes.length, bytes.length);
      return bytes;
    }
  }
  const bytes = await download(address, signal, onProgress);
  await verifySafetensors(bytes, { name: address });
  // A full disk costs the next visit, not this one.
  await store?.put(address, new Response(bytes)).catch(() => undefined);
  return bytes;
}

async function openCache(name: string): Promise<Cache | undefined> {
  const caches = globalThis.caches as CacheStorage | undefined;
  return caches?.open(name).catch(() => undefined);
}

function isWhole(bytes: Uint8Array, name: string): Promise<boolean> {
  return verifySafetensors(bytes, { name }).then(
    () => true,
    () => false,
  );
}

async function download(
  address: string,
  signal: AbortSignal | undefined,
  onProgress: FetchOptions['onProgress'],
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  try {
    const response = await fetch(address, { ...(signal && { signal }) });
    if (!response.ok || !response.body)
      throw new CheckpointError(
        address,
        `the server answered ${response.status} ${response.statusText}`.trimEnd() +
          '; expected a safetensors file; correct the address',
      );
    const total = lengthOf(response);
    let received = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      chunks.push(part.value);
      received += part.value.length;
      onProgress?.(received, total);
    }
    if (total !== undefined && received < total)
      throw new CheckpointError(
        address,
        `the body ended after ${received} of ${total} bytes; fetch it again`,
      );
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(
      address,
      `could not be fetched (${String(cause)}); check the address, the connection, and whether the server allows this site (CORS)`,
      { cause },
    );
  }
  return concatenate(...chunks);
}

/** Of a compressed body the header has another length than what arrives. */
function lengthOf({ headers }: Response): number | undefined {
  const stated = headers.get('content-length');
  return stated === null || headers.has('content-encoding') ? undefined : Number(stated);
}
