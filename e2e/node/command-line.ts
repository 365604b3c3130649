/**
 * Runs the built command line as a user's shell would: another process, in a folder of the test's own, its
 * two streams and its exit code. Tests say what goes wrong with messages, so nothing here is swallowed.
 */
import { test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunReport } from '../../src/node/cli/report.js';

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

/** The fenced blocks of a language in a page of the documentation, in their order. */
export function pageExamples(page: string, language: string): string[] {
  const text = readFileSync(join(projectRoot, page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, code = '']) =>
    name === language ? [code] : [],
  );
}

/** Runs a module's text; below the project's folder a package's own name leads to its own build. */
export function runModule(code: string, folder = projectRoot): Promise<Finished> {
  return runProcess(process.execPath, ['--input-type=module', '--eval', code], folder);
}

/** As pageExamples of README.md. @throws Error when there is none */
export function readmeExamples(language: string): string[] {
  const blocks = pageExamples('README.md', language);
  if (blocks.length === 0)
    throw new Error(`[README.md] there is no block of ${language}; expected one or more`);
  return blocks;
}

/** The report that a run left in its folder. */
export function readReport(folder: string): RunReport {
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as RunReport;
}
