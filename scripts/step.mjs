/**
 * One step of the set-up: a line that says what runs and how long it took. The tool's own output is kept
 * back and shown in full when the step fails, with the command to run by hand.
 */
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

/** The project's folder, wherever the command was started. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A step that did not work out; the message already holds the output and the advice. */
export class StepFailed extends Error {
  name = 'StepFailed';
}

/**
 * Lines of the set-up go to stderr: stdout belongs to the program that is set up.
 *
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/**
 * Runs a command quietly as one step.
 *
 * @param {string} label what the line says, e.g. `installing dependencies`
 * @param {string[]} command program and arguments
 * @param {{ advice: string, environment?: NodeJS.ProcessEnv }} options advice: what to do when it fails
 * @throws {StepFailed} when the command cannot start or exits with another code than 0
 */
export async function runStep(label, command, options) {
  const started = Date.now();
  process.stderr.write(`setup: ${label} ...`);
  const { code, output } = await run(command, options.environment);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stderr.write(code === 0 ? ` done (${seconds} s)\n` : ` failed (${seconds} s)\n`);
  if (code === 0) return;
  throw new StepFailed(
    `${stripVTControlCharacters(output).trimEnd()}\n[setup] ${label} failed: ${shown(command)} (${code}); ${options.advice}`,
  );
}

/**
 * A command as a user would type it in the project's folder.
 *
 * @param {string[]} command
 */
function shown(command) {
  const [program, script, ...rest] = command;
  if (script !== undefined && script === process.env.npm_execpath) return ['npm', ...rest].join(' ');
  const words = program === process.execPath ? ['node', script, ...rest] : command;
  return words.join(' ').replaceAll(`${root}/`, '');
}

/**
 * npm as a command: the same npm that runs us, where it does. The level is ours, because `npm run --silent`
 * would hand its own down and leave a failure without a word.
 *
 * @param {string[]} rest arguments
 * @returns {string[]}
 */
export function npm(...rest) {
  const script = process.env.npm_execpath;
  // A path to npm-cli.js under npm; yarn and pnpm set the variable too.
  const isNpm = script !== undefined && /npm-cli\.[cm]?js$/.test(script);
  return [...(isNpm ? [process.execPath, script] : ['npm']), ...rest, '--loglevel=error'];
}

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} [environment] added to ours
 * @returns {Promise<{ code: number | string, output: string }>}
 */
export function run([program = '', ...rest], environment = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && program === 'npm', // there it is npm.cmd, which only a shell starts
    });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    const finish = (/** @type {number | string} */ code) =>
      resolve({ code, output: Buffer.concat(chunks).toString('utf8') });
    child.on('error', (error) => finish(error.message));
    child.on('close', (code, signal) => finish(code ?? signal ?? 'unknown exit'));
  });
}
