/** The built page's files, as its service worker keeps them: every file of the folder, known again by the hash of its content. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** The service worker's file; beside the page, for it serves what lies below it. */
export const OFFLINE_FILE = 'offline.js';
/** Stands in the service worker for the list. */
const PLACEHOLDER = 'BUILT_FILES';

/** Files there have their hash in their name and never change, so that the browser's cache of this very visit will do. */
const HASHED_FOLDER = 'assets/';

interface BuiltFile {
  readonly url: string;
  readonly revision: string | null;
}

/** Puts the list into the service worker when all files are written. */
export function offlineCopy(outDir: string): Plugin {
  return {
    name: 'offline-copy',
    apply: 'build',
    writeBundle: {
      order: 'post',
      sequential: true,
      handler() {
        const path = join(outDir, OFFLINE_FILE);
        const code = readFileSync(path, 'utf8');
        if (!code.includes(PLACEHOLDER))
          throw new Error(
            `${OFFLINE_FILE} has no ${PLACEHOLDER}; expected the list's place; keep it in src/offline.ts`,
          );
        writeFileSync(
          path,
          code.replace(PLACEHOLDER, () => JSON.stringify(builtFiles(outDir))),
        );
      },
    },
  };
}

function builtFiles(outDir: string): BuiltFile[] {
  return readdirSync(outDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== OFFLINE_FILE)
    .map(({ parentPath, name }) => {
      const url = join(parentPath, name)
        .slice(outDir.length + 1)
        .replaceAll('\\', '/');
      const revision = url.startsWith(HASHED_FOLDER) ? null : digest(join(parentPath, name));
      return { url, revision };
    })
    .toSorted((a, b) => (a.url < b.url ? -1 : 1));
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
