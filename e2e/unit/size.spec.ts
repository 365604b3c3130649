/** The core bundle (no Node parts), minified and gzipped, is what a page downloads: at most 86 KB. */
import { expect, test } from '@playwright/test';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const LIMIT_BYTES = 86_000;
const root = resolve(import.meta.dirname, '../..');

test('the core bundle is at most 86 KB', async () => {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: 'src/index.ts', formats: ['es'] },
      // Vite leaves white space in ES libraries; a page's own build does not.
      rolldownOptions: { output: { minify: true } },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((part) =>
    'output' in part ? part.output : [],
  );
  const code = outputs.flatMap((part) => (part.type === 'chunk' ? [part.code] : [])).join('');
  const byteLength = gzipSync(code, { level: 9 }).byteLength;
  test.info().annotations.push({ type: 'size', description: `${code.length} bytes, ${byteLength} gzipped` });
  expect(code).not.toMatch(/wgsl_reflect|node:/);
  expect(byteLength).toBeGreaterThan(10_000);
  expect(byteLength).toBeLessThanOrEqual(LIMIT_BYTES);
});
