/**
 * Runs everything that `npm test` promises: lint, formatting, types, and the tests. With arguments, only the
 * tests, and the arguments go to Playwright: `npm test -- --project=unit e2e/unit/shape.spec.ts`.
 * The last line counts the checks and the tests together: `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root, run } from './step.mjs';

const bin = (/** @type {string} */ path) => [process.execPath, join(root, 'node_modules', path)];

const checks = [
  { name: 'lint', command: [...bin('oxlint/bin/oxlint'), '--type-aware'] },
  { name: 'formatting', command: [...bin('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.'] },
  { name: 'types', command: [...bin('typescript/bin/tsc'), '--noEmit'] },
  { name: 'API reference', command: [process.execPath, join(root, 'scripts/docs.mjs'), '--check'] },
];

const playwright = [
  ...bin('@playwright/test/cli.js'),
  'test',
  '--config',
  join(root, 'e2e/playwright.config.ts'),
];

const words = process.argv.slice(2);
const results = words.length > 0 ? [] : await Promise.all(checks.map(runCheck));
const failed = results.flatMap(({ name, passed }) => (passed ? [] : [name]));
// The reporter writes the closing line, since it alone knows the tests; it counts these checks with them.
const counts = JSON.stringify({ passed: results.length - failed.length, failed });
const testsCode = await runTests({ WEBGPU_VAE_CHECKS: counts });
process.exitCode = failed.length > 0 ? 1 : testsCode;

/**
 * @param {{ name: string, command: string[] }} check
 * @returns {Promise<{ name: string, passed: boolean }>}
 */
async function runCheck({ name, command }) {
  const started = Date.now();
  const { code, output } = await run(command);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (code === 0) {
    console.log(`${name} passed (${seconds} s)`);
    return { name, passed: true };
  }
  console.log(`${output.trimEnd()}\n${name} failed (${seconds} s); run by hand: ${byHand(command)}`);
  return { name, passed: false };
}

/** @param {string[]} command */
function byHand([, program = '', ...rest]) {
  const name = program.slice(program.lastIndexOf('/') + 1).replace(/\.c?js$/, '');
  return ['npx', name, ...rest].join(' ');
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<number>} Playwright's exit code
 */
function runTests(environment) {
  const [program = '', ...rest] = playwright;
  return new Promise((resolve) => {
    const child = spawn(program, [...rest, ...words], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: 'inherit',
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}
