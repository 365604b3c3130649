/**
 * Where our own package lies, and its version. Looked up at run time: this code runs from src/node and,
 * bundled, from somewhere in dist, and an import of package.json would drag it into the bundle.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of our package.json, or this file's own where there is none above it. */
export function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
    if (readManifest(folder)?.name === 'webgpu-vae') return folder;
  }
  return start;
}

/** The version in our package.json, `'unknown'` where there is none. */
export function packageVersion(): string {
  return readManifest(packageRoot())?.version ?? 'unknown';
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, 'package.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : undefined;
}
