/**
 * Builds the library and the demo page when their sources have changed since the last build. A hash over their content
 * decides, not their times: a checkout or a copy of the tree gives every file a new time.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { npm, root, runStep } from './step.mjs';

const sourceFolders = ['src', 'shaders', 'tools', 'demo'];
const sourceFiles = /^(package(-lock)?\.json|tsconfig(\..+)?\.json|vite\.config(\..+)?\.[cm]?[jt]s)$/;

/** Written by the build; hashing it would make every build look stale. */
const generated = /\.generated\.ts$|^demo\/dist\//;

const outputs = [
  'dist/node/cli.js',
  'dist/webgpu-vae.global.js',
  'demo/dist/index.html',
  'src/gpu/kernels.generated.ts',
  'src/node/probes.generated.ts',
  'src/vae/interop/shaders.generated.ts',
];
const stampPath = join(root, 'dist/.sources');

/** @throws {import('./step.mjs').StepFailed} when the build fails */
export async function build() {
  const hash = hashSources();
  if (readStamp() === hash && outputs.every((path) => existsSync(join(root, path)))) return;
  for (const [name, script] of Object.entries({ library: 'build:library', page: 'build:demo' }))
    await runStep(`building the ${name}`, npm('run', script), {
      advice: `correct what the output above names, then run by hand: npm run ${script}`,
    });
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, hash);
}

function hashSources() {
  const hash = createHash('sha256');
  const files = [
    ...readdirSync(root).filter((name) => sourceFiles.test(name)),
    ...sourceFolders.flatMap((folder) => listFiles(folder)),
  ];
  for (const path of files.toSorted(byCodeUnits)) {
    const content = readFileSync(join(root, path));
    // The length keeps the end of one file apart from the beginning of the next.
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** @param {string} folder @returns {string[]} paths from the project's folder */
function listFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return listFiles(path);
    return generated.test(path) ? [] : [path];
  });
}

/** The order of a folder's entries is up to the file system. @param {string} a @param {string} b */
function byCodeUnits(a, b) {
  return a < b ? -1 : Number(a > b);
}

function readStamp() {
  return existsSync(stampPath) ? readFileSync(stampPath, 'utf8') : undefined;
}
