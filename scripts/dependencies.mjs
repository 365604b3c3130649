/**
 * Installs the npm packages when the installed ones are not those of package-lock.json. npm writes what it
 * installed into node_modules/.package-lock.json as its last act, so an interrupted install is noticed too,
 * and one that a developer made with `npm install` is accepted as it is.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, runStep } from './step.mjs';

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }} LockedPackage */

/** @throws {import('./step.mjs').StepFailed} when npm fails */
export async function installDependencies() {
  if (areInstalled()) return;
  // --include=dev: NODE_ENV=production would leave out the build tools.
  await runStep('installing npm packages', npm('ci', '--include=dev', '--no-audit', '--no-fund'), {
    advice: 'check the network and npm config get registry, then run by hand: npm ci',
  });
}

/** Whether each locked package is there in its version; one for another platform may be absent. */
function areInstalled() {
  const locked = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (!locked || !installed) return false;
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true; // ourselves
    const present = installed[path];
    return present
      ? present.version === wanted.version
      : wanted.optional === true || wanted.devOptional === true;
  });
}

/**
 * @param {string} path of a lock file
 * @returns {Record<string, LockedPackage> | undefined} undefined when it is missing or broken
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
