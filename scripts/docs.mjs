/**
 * The API reference, from the docstrings of every entry: `npm run docs` writes it into out/api; with --check nothing is
 * written. An export without a docstring is an error. TypeDoc and the TypeScript that it needs have a package of their own
 * (tools/api), because the project's TypeScript has no API for it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, run, runStep } from './step.mjs';

const folder = join(root, 'tools/api');

await install();
const check = process.argv.includes('--check') ? ['--emit', 'none'] : [];
const typedoc = join(folder, 'node_modules/typedoc/bin/typedoc');
const command = [process.execPath, typedoc, '--options', join(folder, 'typedoc.json'), ...check];
const { code, output } = await run(command);
console.log(output.trimEnd());
process.exitCode = code;

/** Installs what the lock file says, unless it is there. */
async function install() {
  const installed = join(folder, 'node_modules/.package-lock.json');
  if (existsSync(installed) && versions(installed) === versions(join(folder, 'package-lock.json'))) return;
  await runStep(
    'installing the API reference tools',
    npm('ci', '--prefix', folder, '--no-audit', '--no-fund'),
    {
      advice: 'check the network, then run by hand: npm ci --prefix tools/api',
    },
  );
}

/** @param {string} path of a lock file */
function versions(path) {
  const { packages } = JSON.parse(readFileSync(path, 'utf8'));
  return JSON.stringify(['typedoc', 'typescript'].map((name) => packages[`node_modules/${name}`]?.version));
}
