/** The lint is only worth its run if it fails on what it is for: a promise that nobody awaits. */
import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Lints one file with the project's rules and returns what oxlint printed and its exit status. */
function lint(source: string): { status: number; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'lint-'));
  try {
    copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { strict: true, target: 'es2022' } }),
    );
    writeFileSync(join(folder, 'sample.ts'), source);
    const oxlint = join(root, 'node_modules/.bin/oxlint');
    const output = execFileSync(oxlint, ['--type-aware', 'sample.ts'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return { status: 0, output };
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string };
    return { status, output: stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const promise = 'async function read(): Promise<number> {\n  return await Promise.resolve(1);\n}\n';

test('an awaited promise passes the lint (control)', () => {
  const { status, output } = lint(
    `${promise}export async function run(): Promise<void> {\n  await read();\n}\n`,
  );
  expect(output).not.toContain('no-floating-promises');
  expect(status).toBe(0);
});

test('a floating promise fails the lint', () => {
  const { status, output } = lint(`${promise}export function run(): void {\n  read();\n}\n`);
  expect(output).toContain('no-floating-promises');
  expect(status).not.toBe(0);
});
