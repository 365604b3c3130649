/**
 * Development tools that have a package of their own under tools/, because they need a TypeScript that ours is not: they are
 * installed from its lock file when they are first used.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, runStep } from './step.mjs';

/**
 * @param {string} name of a folder in tools/
 * @returns {Promise<string>} the folder, with its packages installed
 * @throws {import('./step.mjs').StepFailed} when npm fails
 */
export async function toolsFolder(name) {
  const folder = join(root, 'tools', name);
  const installed = join(folder, 'node_modules/.package-lock.json');
  if (existsSync(installed) && versions(installed) === versions(join(folder, 'package-lock.json')))
    return folder;
  await runStep(`installing tools/${name}`, npm('ci', '--prefix', folder, '--no-audit', '--no-fund'), {
    advice: `check the network, then run by hand: npm ci --prefix tools/${name}`,
  });
  return folder;
}

/**
 * Names and versions of what a lock file lists, but for what belongs to other platforms.
 *
 * @param {string} path
 */
function versions(path) {
  const { packages } = JSON.parse(readFileSync(path, 'utf8'));
  /** @type {[string, { version?: string, optional?: boolean }][]} */
  const entries = Object.entries(packages);
  const needed = entries.filter(([key, { optional }]) => key !== '' && optional !== true);
  return JSON.stringify(
    needed.map(([key, { version }]) => [key, version]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  );
}
