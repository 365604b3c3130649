/**
 * The page, and the examples beside it, on the built library, which they import by its name as an application does.
 * The build needs nothing from its host: relative addresses, a strict policy in the page itself, an offline copy.
 */
import mdx from '@mdx-js/rollup';
import { resolve } from 'node:path';
import rehypeKatex from 'rehype-katex';
import remarkMath from 'remark-math';
import { defineConfig, type Plugin } from 'vite';
import { focusableMath } from './focusable-math.js';

const root = resolve(import.meta.dirname, '..');
const entries = ['gpu', 'interop', 'worker', 'storage', 'export', 'evaluation'];

/** Only what the page itself brings; nothing inline, nothing from elsewhere, nothing evaluated. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The policy in the built page; the development server needs inline scripts of its own. */
const strictPolicy: Plugin = {
  name: 'strict-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
      injectTo: 'head-prepend',
    },
  ],
};

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  cacheDir: resolve(root, '.cache/vite'),
  plugins: [
    {
      enforce: 'pre',
      ...mdx({
        jsxImportSource: 'preact',
        remarkPlugins: [remarkMath],
        rehypePlugins: [[rehypeKatex, { output: 'mathml' }], focusableMath],
      }),
    },
    strictPolicy,
  ],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: {
    alias: [
      { find: /^webgpu-vae$/, replacement: resolve(root, 'dist/index.js') },
      ...entries.map((name) => ({
        find: `webgpu-vae/${name}`,
        replacement: resolve(root, `dist/${name}.js`),
      })),
    ],
  },
  worker: { format: 'es' },
  build: {
    outDir: resolve(import.meta.dirname, 'dist'),
    emptyOutDir: true,
    target: 'es2022',
    // data and the checkpoint stay files of their own, which are fetched when they are needed
    assetsInlineLimit: 0,
    license: { fileName: 'THIRD-PARTY-LICENSES.md' },
  },
  server: { fs: { allow: [root] } },
});
