/**
 * Writes docs/truths.md: runs every test that holds a member of the family to a truth (e2e/truth.ts) and puts what was
 * measured beside its bound.
 *
 *     npm run truths [-- FILE]
 *
 * With FILE nothing is run: it is what a run of the tests noted where WEBGPU_VAE_TRUTHS named it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Truth } from '../e2e/truth.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = join(root, 'out/truths.json');
const page = join(root, 'docs/truths.md');

/** The test files that hold a member to a truth. */
function truthFiles(): string[] {
  return ['unit', 'node'].flatMap((project) =>
    readdirSync(join(root, 'e2e', project))
      .map((name) => join(root, 'e2e', project, name))
      .filter((path) => readFileSync(path, 'utf8').includes("'../truth.js'"))
      .map((path) => relative(root, path)),
  );
}

function measure(files: readonly string[]): Truth[] {
  const playwright = join(root, 'node_modules/@playwright/test/cli.js');
  const { status } = spawnSync(
    process.execPath,
    [playwright, 'test', '-c', 'e2e/playwright.config.ts', ...files],
    { cwd: root, stdio: 'inherit', env: { ...process.env, WEBGPU_VAE_TRUTHS: results } },
  );
  if (status !== 0) throw new Error('[truths] a truth does not hold; the failures stand above');
  return JSON.parse(readFileSync(results, 'utf8')) as Truth[];
}

/** The worst of each truth, by member. */
function worst(truths: readonly Truth[]): Truth[] {
  const rows = new Map<string, Truth>();
  for (const row of truths) {
    const key = `${row.member}\n${row.truth}`;
    const other = rows.get(key);
    if (!other || row.measured / row.bound > other.measured / other.bound) rows.set(key, row);
  }
  return [...rows.values()].toSorted((a, b) => (a.member < b.member ? -1 : a.member > b.member ? 1 : 0));
}

/** Two digits are enough to see how far a value is from its bound. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(2)));
}

function table(truths: readonly Truth[]): string {
  const rows = truths.map(
    ({ member, truth, measured, bound }) =>
      `| ${member} | ${truth} | ${rounded(measured)} | ${rounded(bound)} |`,
  );
  return ['| member | held to | measured | bound |', '| --- | --- | --: | --: |', ...rows].join('\n');
}

const noted = process.argv[2];
const truths = worst(noted ? (JSON.parse(readFileSync(noted, 'utf8')) as Truth[]) : measure(truthFiles()));
const text = `# The truth about each member

Written by \`npm run truths\`, which runs the tests that hold a member of the family to something no implementation
choice can tune. \`measured\` is how far the member was from it, the worst of all its cases, in the unit that the truth names.

${table(truths)}
`;
writeFileSync(page, await format(text, { ...(await resolveConfig(page)), parser: 'markdown' }));
console.log(`${truths.length} truths in docs/truths.md`);
