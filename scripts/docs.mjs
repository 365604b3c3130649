/**
 * The API reference, from the docstrings of every entry: `npm run docs` writes it into out/api; with --check nothing is
 * written. An export without a docstring is an error.
 */
import { join } from 'node:path';
import { run } from './step.mjs';
import { toolsFolder } from './tools.mjs';

const folder = await toolsFolder('api');
const check = process.argv.includes('--check') ? ['--emit', 'none'] : [];
const typedoc = join(folder, 'node_modules/typedoc/bin/typedoc');
const { code, output } = await run([
  process.execPath,
  typedoc,
  '--options',
  join(folder, 'typedoc.json'),
  ...check,
]);
if (output.trim() !== '') console.log(output.trimEnd());
process.exitCode = typeof code === 'number' ? code : 1;
