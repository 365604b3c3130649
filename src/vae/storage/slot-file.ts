/** Whole files of the origin private file system. */
import { CheckpointError } from '../../gpu/errors.js';

/** What only workers have, and all that Safari had before version 26. */
interface SyncAccess {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(byteLength: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}
type Handle = Omit<FileSystemFileHandle, 'createWritable'> & {
  createWritable?: FileSystemFileHandle['createWritable'];
  createSyncAccessHandle?: () => Promise<SyncAccess>;
};

/** The bytes of a file; none if there is no such file. */
export async function readFile(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await (await folder.getFileHandle(name)).getFile();
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'NotFoundError') return new Uint8Array();
    throw new CheckpointError('storage', `${name} cannot be read: ${String(cause)}`, { cause });
  }
}

/** Replaces a file. @throws CheckpointError with the sizes when it does not fit or cannot be written */
export async function replaceFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const handle = (await folder.getFileHandle(name, { create: true })) as Handle;
  try {
    if (handle.createWritable) await writeAside(await handle.createWritable(), bytes);
    else if (handle.createSyncAccessHandle) writeInPlace(await handle.createSyncAccessHandle(), bytes);
    else throw new Error('the page may not write files here; run it in a worker');
    const { size } = await handle.getFile();
    if (size !== bytes.length) throw new Error(`the file has ${size} bytes`);
  } catch (cause) {
    throw await unwritable(bytes.length, cause);
  }
}

/** The browser writes into a copy, which takes the file's place when it is closed. */
async function writeAside(
  writable: FileSystemWritableFileStream,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  try {
    await writable.write(bytes);
    await writable.close();
  } catch (error) {
    await writable.abort().catch(() => undefined);
    throw error;
  }
}

/** Past the quota, Chromium's write() returns a number that is not the length and does not throw. */
function writeInPlace(access: SyncAccess, bytes: Uint8Array): void {
  try {
    access.truncate(0);
    const written = access.write(bytes, { at: 0 });
    access.flush();
    if (written !== bytes.length || access.getSize() !== bytes.length)
      throw new DOMException(`${access.getSize()} bytes were taken`, 'QuotaExceededError');
  } finally {
    access.close();
  }
}

/** Past the quota Chromium says QuotaExceededError or AbortError, as the race goes; so the sizes are always told. */
async function unwritable(byteLength: number, cause: unknown): Promise<CheckpointError> {
  const { usage } = await navigator.storage.estimate(); // its quota is a round number there, not the limit
  return new CheckpointError(
    'storage',
    `the checkpoint of ${byteLength} bytes cannot be written (${String(cause)}); the site has ${usage} bytes stored; the one before it is kept; clear other stores, or free space on the disk`,
    { cause },
  );
}
