/**
 * Runs the built command line as a user's shell would: another process, in a folder of the test's own, its
 * two streams and its exit code. Tests say what goes wrong with messages, so nothing here is swallowed.
 */
import { test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const projectRoot = resolve(import.meta.dirname, '../..');
const program = join(projectRoot, 'dist/node/cli.js');

/** What a finished process left behind. */
export interface Finished {
  /** The signal's name where one ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kill {
  readonly when: RegExp;
  readonly signal: NodeJS.Signals;
  /** Counted from the match; 0 where it is left out. */
  readonly afterMs?: number;
}

export interface RunOptions {
  /** Signals to send, each once, as soon as stderr so far matches. */
  readonly kills?: readonly Kill[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** The running test's own folder, made empty by Playwright. */
export function testFolder(): string {
  const folder = test.info().outputPath('run');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Runs `webgpu-vae` with these words in `folder`. @throws Error when it was not built */
export function runCli(
  words: readonly string[],
  folder: string,
  options: RunOptions = {},
): Promise<Finished> {
  if (!existsSync(program)) throw new Error(`[cli] there is no ${program}; run: npm run build:library`);
  return runProcess(process.execPath, [program, ...words], folder, options);
}

/** Runs a program to its end. */
export function runProcess(
  command: string,
  words: readonly string[],
  folder: string,
  { kills = [], environment }: RunOptions = {},
): Promise<Finished> {
  return new Promise((done, fail) => {
    const child = spawn(command, words, {
      cwd: folder,
      env: { ...process.env, FORCE_COLOR: '0', ...environment }, // the test runner asks for colours
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    const waiting = new Set(kills);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      for (const kill of waiting) {
        if (!kill.when.test(stderr)) continue;
        waiting.delete(kill);
        setTimeout(() => child.kill(kill.signal), kill.afterMs ?? 0);
      }
    });
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code: code ?? signal ?? 'unknown', stdout, stderr }));
  });
}

/** The fenced blocks of a language in README.md, or another page, in their order. @throws Error when there is none */
export function readmeExamples(language: string, page = 'README.md'): string[] {
  const text = readFileSync(join(projectRoot, page), 'utf8');
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, code = '']) =>
    name === language ? [code] : [],
  );
  if (blocks.length === 0)
    throw new Error(`[${page}] there is no block of ${language}; expected one or more`);
  return blocks;
}
