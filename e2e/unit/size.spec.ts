/**
 * Plan: what a page downloads, minified and gzipped: the whole core (no Node parts) is at most 86 KB; a page that only loads
 * and decodes, after its bundler has shaken the rest off, is no larger, and both figures are reported.
 */
import { expect, test } from '@playwright/test';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const LIMIT_BYTES = 86_000;
const root = resolve(import.meta.dirname, '../..');

/** A program that a page's bundler gets in place of an entry. */
const programs: Readonly<Record<string, string>> = {
  'the whole core': "export * from './src/index.ts';",
  'load and decode': `import { Vae } from './src/index.ts';
export const decode = async (bytes, z, device) => (await Vae.load(bytes, { device })).decode(z);`,
};

async function bundled(program: string): Promise<string> {
  const entry = join(root, 'size-entry.js');
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: {
      write: false,
      target: 'es2022',
      lib: { entry, formats: ['es'] },
      // Vite leaves white space in ES libraries; a page's own build does not.
      rolldownOptions: { output: { minify: true } },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((part) =>
    'output' in part ? part.output : [],
  );
  return outputs.flatMap((part) => (part.type === 'chunk' ? [part.code] : [])).join('');
}

for (const [name, program] of Object.entries(programs))
  test(`${name} is at most 86 KB`, async () => {
    const code = await bundled(program);
    const byteLength = gzipSync(code, { level: 9 }).byteLength;
    const description = `${name}: ${code.length} bytes, ${byteLength} gzipped`;
    test.info().annotations.push({ type: 'size', description });
    expect(code).not.toMatch(/wgsl_reflect|node:/);
    expect(byteLength).toBeGreaterThan(10_000);
    expect(byteLength).toBeLessThanOrEqual(LIMIT_BYTES);
  });
