/** IDX files among what a visitor brings: which they are, and which labels belong to which images. */
import { readIdxImages, readIdxLabels, type Dataset } from 'webgpu-vae';
import type { NamedFile, Skip } from './reading.js';

/** The first bytes of a file's content, inflated where it is gzip; fewer where there are no more. */
export async function openingOf(file: Blob): Promise<Uint8Array> {
  const opening = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  if (opening[0] !== 0x1f || opening[1] !== 0x8b) return opening;
  const inflated = file
    .slice(0, 2 ** 16)
    .stream()
    .pipeThrough(new DecompressionStream('gzip'))
    .getReader();
  try {
    return (await inflated.read()).value?.slice(0, 16) ?? new Uint8Array();
  } catch {
    return new Uint8Array(); // damaged: then the name decides
  } finally {
    void inflated.cancel().catch(() => undefined);
  }
}

/** What an IDX file holds, by its magic number or else by its name. */
export function idxKind(opening: Uint8Array, name: string): 'images' | 'labels' | undefined {
  const [zero, none, type, rank] = opening;
  if (zero === 0 && none === 0 && type === 8 && (rank === 3 || rank === 1))
    return rank === 3 ? 'images' : 'labels';
  if (/idx3-ubyte(\.gz)?$/i.test(name)) return 'images';
  return /idx1-ubyte(\.gz)?$/i.test(name) ? 'labels' : undefined;
}

/** Every images file with the labels that belong to it; what cannot be read is named to `skip`. */
export async function readIdxPairs(
  images: readonly NamedFile[],
  labels: readonly NamedFile[],
  skip: Skip,
): Promise<Dataset[]> {
  const read: Dataset[] = [];
  const used = new Set<NamedFile>();
  for (const file of images) {
    const data = await orSkip(file, skip, (bytes) => readIdxImages(bytes, file.path));
    const isOnlyPair = images.length === 1 && labels.length === 1;
    const partner = isOnlyPair ? labels[0] : labels.find((other) => stemOf(other.path) === stemOf(file.path));
    if (partner) used.add(partner);
    const found = partner && (await orSkip(partner, skip, (bytes) => readIdxLabels(bytes, partner.path)));
    if (!data) continue;
    const isFitting = found?.length === data.rows;
    if (found && !isFitting) skip(partner.path, `has ${found.length} labels for ${data.rows} images`);
    read.push(isFitting ? { ...data, labels: found } : data);
  }
  for (const file of labels)
    if (!used.has(file)) skip(file.path, 'holds labels, and their images did not come');
  return read;
}

/** What stands before `images` and `labels` in the names of a pair. */
function stemOf(path: string): string {
  return path.replace(/(images|labels)[^/]*$/i, '');
}

const MAX_FILE_BYTES = 2 ** 30;

async function orSkip<T>(
  { file, path }: NamedFile,
  skip: Skip,
  read: (bytes: Uint8Array) => Promise<T>,
): Promise<T | undefined> {
  try {
    if (file.size > MAX_FILE_BYTES) throw new Error(`has ${file.size} bytes, more than ${MAX_FILE_BYTES}`);
    return await read(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    skip(path, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
