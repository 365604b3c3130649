/**
 * Prints a run so that its end says everything: one line a file as it finishes, then the adapters, each
 * skipped test with its reason, each failure in full, and one closing line `N passed, N failed`. Skips are
 * counted and named, because a run that tested nothing must not look like one that passed.
 */
import type {
  FullConfig,
  FullResult,
  Reporter,
  Suite,
  TestCase,
  TestError,
  TestResult,
} from '@playwright/test/reporter';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

interface FileProgress {
  readonly label: string;
  left: number;
  passed: number;
  failed: number;
  skipped: number;
  durationMs: number;
}

type Outcome = 'passed' | 'failed' | 'skipped';

export default class ClosingLineReporter implements Reporter {
  private rootFolder = '';
  private suite: Suite | undefined;
  private readonly files = new Map<string, FileProgress>();
  private readonly globalErrors: TestError[] = [];

  printsToStdio(): boolean {
    return true;
  }

  onBegin(config: FullConfig, suite: Suite): void {
    this.rootFolder = config.rootDir;
    this.suite = suite;
    for (const test of suite.allTests()) {
      const file = this.fileOf(test);
      file.left++;
    }
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const file = this.fileOf(test);
    file[outcomeOf(test)]++;
    file.durationMs += result.duration;
    file.left--;
    if (file.left === 0) print(describeFile(file));
  }

  onError(error: TestError): void {
    this.globalErrors.push(error);
  }

  onEnd(result: FullResult): void {
    const tests = this.suite?.allTests() ?? [];
    for (const line of noteLines(tests)) print(line);
    writeTruths(tests);
    for (const test of tests) {
      if (outcomeOf(test) === 'skipped') print(`skipped ${this.nameOf(test)}: ${skipReason(test)}`);
    }
    for (const error of this.globalErrors) print(`\nfailed outside any test\n${describeError(error)}`);
    for (const test of tests) {
      if (outcomeOf(test) === 'failed') print(this.describeFailure(test));
    }
    if (result.status === 'timedout' || result.status === 'interrupted')
      print(`the run was ${stopped[result.status]}`);
    const checks = readChecks();
    for (const name of checks.failed) print(`failed ${name}: what it found stands above the tests`);
    print(closingLine(tests, checks, this.globalErrors.length));
  }

  private fileOf(test: TestCase): FileProgress {
    const label = `${projectOf(test)} ${relative(this.rootFolder, test.location.file)}`;
    let file = this.files.get(label);
    if (file === undefined) {
      file = { label, left: 0, passed: 0, failed: 0, skipped: 0, durationMs: 0 };
      this.files.set(label, file);
    }
    return file;
  }

  private nameOf(test: TestCase): string {
    const path = relative(this.rootFolder, test.location.file);
    // titlePath: root, project, file, describes, title
    return `[${projectOf(test)}] ${path}:${test.location.line} ${test.titlePath().slice(3).join(' > ')}`;
  }

  private describeFailure(test: TestCase): string {
    const result = test.results.at(-1);
    const unexpected =
      result?.status === 'passed' ? 'passed, but was expected to fail' : (result?.status ?? 'did not run');
    const errors = result?.errors.map(describeError) ?? [];
    const output = [...(result?.stdout ?? []), ...(result?.stderr ?? [])].map(String).join('').trimEnd();
    const files = (result?.attachments ?? []).flatMap(({ name, path }) => (path ? [`${name}: ${path}`] : []));
    return [
      `\nfailed ${this.nameOf(test)} (${unexpected})`,
      ...errors,
      ...(output ? ['it printed:', output] : []),
      ...files,
    ].join('\n');
  }
}

const stopped = { timedout: 'stopped at its time limit', interrupted: 'interrupted' };

function projectOf(test: TestCase): string {
  return test.parent.project()?.name ?? '';
}

function outcomeOf(test: TestCase): Outcome {
  const outcome = test.outcome();
  if (outcome === 'skipped') return 'skipped';
  return outcome === 'expected' ? 'passed' : 'failed';
}

function skipReason(test: TestCase): string {
  const annotations = [...test.annotations, ...test.results.flatMap((result) => result.annotations)];
  const skip = annotations.find(({ type }) => type === 'skip' || type === 'fixme');
  if (!skip) return 'the run ended before it, or what it depends on failed';
  return skip.description ?? 'no reason was given';
}

/** What tests note for whoever reads the run: each project's adapters once, and figures that were measured and not judged. */
const noted = ['adapter', 'figure', 'fuzz', 'size'];

function noteLines(tests: readonly TestCase[]): string[] {
  const lines = tests.flatMap((test) =>
    test.results
      .flatMap((result) => result.annotations)
      .filter(({ type }) => noted.includes(type))
      .map(({ type, description }) => `${type} ${projectOf(test)}: ${description ?? 'unknown'}`),
  );
  return [...new Set(lines)];
}

/** The rows that tests noted of truths (truth.ts), where `npm run truths` asks for them. */
function writeTruths(tests: readonly TestCase[]): void {
  const path = process.env['WEBGPU_VAE_TRUTHS'];
  if (!path) return;
  const rows = tests.flatMap((test) =>
    (test.results.at(-1)?.annotations ?? [])
      .filter(({ type }) => type === 'truth')
      .map(({ description }): unknown => JSON.parse(description!)),
  );
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(rows, null, 1));
}

function describeFile({ label, passed, failed, skipped, durationMs }: FileProgress): string {
  const counts = [`${passed} passed`];
  if (failed > 0) counts.push(`${failed} failed`);
  if (skipped > 0) counts.push(`${skipped} skipped`);
  return `${label}: ${counts.join(', ')} (${(durationMs / 1000).toFixed(1)} s)`;
}

function describeError(error: TestError): string {
  const text = error.stack ?? error.message ?? error.value ?? 'an error without a message';
  const parts = [text, error.snippet, error.cause && `caused by ${describeError(error.cause)}`];
  return parts.filter(Boolean).join('\n').split('\n').filter(isTelling).join('\n');
}

/** False for the stack frames of the test runner itself. */
function isTelling(line: string): boolean {
  return !/^\s*at .*node_modules\/playwright/.test(stripVTControlCharacters(line));
}

interface Checks {
  readonly passed: number;
  /** Names of those that failed. */
  readonly failed: readonly string[];
}

/** Lint, formatting and types, which scripts/test.mjs ran before the tests; none where Playwright was called alone. */
function readChecks(): Checks {
  const checks: Checks = { passed: 0, failed: [] };
  return Object.assign(checks, JSON.parse(process.env['WEBGPU_VAE_CHECKS'] ?? '{}'));
}

function closingLine(tests: readonly TestCase[], checks: Checks, globalErrors: number): string {
  const count = (outcome: Outcome) => tests.filter((test) => outcomeOf(test) === outcome).length;
  const passed = count('passed') + checks.passed;
  const failed = count('failed') + checks.failed.length + globalErrors;
  const skipped = count('skipped');
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : '');
}

function print(line: string): void {
  // Matchers colour their messages in the worker, which does not know where we print.
  process.stdout.write(`${process.stdout.isTTY ? line : stripVTControlCharacters(line)}\n`);
}
