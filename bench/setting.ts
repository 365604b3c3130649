/** The machine and the versions of a run: a figure without them is no figure. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Options } from './options.js';
import type { Setting } from './report.js';

const PACKAGES = {
  'webgpu-vae': '../package.json',
  'jax-js': '../node_modules/@jax-js/jax/package.json',
  tfjs: '../node_modules/@tensorflow/tfjs-backend-webgpu/package.json',
};

function packageVersion(path: string): string {
  const { version }: { version: string } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  return version;
}

/** Describes this machine and run; `others` are versions of peers that are not among our packages. */
export function describeSetting(
  options: Options,
  browser: string,
  others: ReadonlyMap<string, string>,
): Setting {
  const cpus = os.cpus();
  const cpu = cpus[0]?.model.trim() ?? 'unknown CPU';
  const memoryGiB = Math.round(os.totalmem() / 2 ** 30);
  const versions = Object.entries(PACKAGES).map(([name, path]) => [name, packageVersion(path)] as const);
  return {
    date: new Date().toISOString().slice(0, 10),
    command: options.command,
    machine: `${cpu}, ${cpus.length} cores, ${memoryGiB} GiB, ${os.type()} ${os.arch()}`,
    browser,
    rounds: options.rounds,
    versions: { ...Object.fromEntries(versions), ...Object.fromEntries(others) },
  };
}
