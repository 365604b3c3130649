/**
 * The page, and the examples beside it, on the built library, which they import by its name as an application does.
 * The build needs nothing from its host: relative addresses, a strict policy in the page itself, an offline copy.
 */
import { compile } from '@mdx-js/mdx';
import { resolve } from 'node:path';
import rehypeKatex from 'rehype-katex';
import remarkMath from 'remark-math';
import { defineConfig, type Plugin } from 'vite';
import { OFFLINE_FILE, offlineCopy } from './offline-plugin.js';

const root = resolve(import.meta.dirname, '..');
const outDir = resolve(import.meta.dirname, 'dist');
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

interface HtmlNode {
  readonly tagName?: string;
  readonly properties?: Record<string, unknown>;
  readonly children?: readonly HtmlNode[];
}

/** A formula that is wider than a phone scrolls, which has to work by keyboard too. */
function reachableFormulas(): (tree: HtmlNode) => void {
  const visit = ({ tagName, properties, children = [] }: HtmlNode): void => {
    if (tagName === 'math' && properties?.['display'] === 'block') properties['tabIndex'] = 0;
    children.forEach(visit);
  };
  return visit;
}

/** Markdown with formulas becomes components; TeX becomes MathML, which browsers draw themselves. */
const texts: Plugin = {
  name: 'texts',
  enforce: 'pre',
  async transform(source, path) {
    if (!path.endsWith('.mdx')) return undefined;
    const code = await compile(
      { value: source, path },
      {
        jsxImportSource: 'preact',
        elementAttributeNameCase: 'html',
        remarkPlugins: [remarkMath],
        rehypePlugins: [[rehypeKatex, { output: 'mathml' }], reachableFormulas],
      },
    );
    return { code: String(code), map: null };
  },
};

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
  plugins: [texts, strictPolicy, offlineCopy(outDir)],
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
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // data and the checkpoint stay files of their own, which are fetched when they are needed
    assetsInlineLimit: 0,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: {
        index: resolve(import.meta.dirname, 'index.html'),
        offline: resolve(import.meta.dirname, 'src/offline.ts'),
      },
      output: {
        entryFileNames: ({ name }) => (name === 'offline' ? OFFLINE_FILE : 'assets/[name]-[hash].js'),
      },
    },
    license: { fileName: 'THIRD-PARTY-LICENSES.md' },
  },
  server: { fs: { allow: [root] } },
});
