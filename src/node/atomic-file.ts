/**
 * A file appears whole or not at all, whatever ends the process: it is written under another name, flushed to the disk,
 * renamed, and the folder's entry is flushed too.
 */
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces the file at `path`, or makes it. `before` runs when the content is on the disk and not yet under its name.
 * @throws the system's error, such as ENOSPC; the file is then as it was
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName(basename(path)));
  try {
    await writeFile(temporary, content, { flush: true });
    await before();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to report
    throw error;
  }
  await flushFolder(folder);
}

/** Two processes that write into one folder must not share it. */
export function temporaryName(name: string): string {
  return `.${name}.${process.pid}.tmp`;
}

/** Removes what processes left that were killed while they wrote one of `names`. */
export async function removeLeftovers(folder: string, names: readonly string[]): Promise<void> {
  for (const entry of await readdir(folder)) {
    const [, name = '', pid] = /^\.(.+)\.(\d+)\.tmp$/.exec(entry) ?? [];
    if (names.includes(name) && !isAlive(Number(pid))) await rm(join(folder, entry), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // EPERM: another user's, and alive
  }
}

/** The rename itself outlives a power cut only then. Windows opens no folders, and some file systems flush none. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
