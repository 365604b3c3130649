/** Serves the examples (`npm run dev`), which import the built library by its name, as an application does. */
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const root = resolve(import.meta.dirname, '..');
const entries = ['gpu', 'interop', 'worker'];

export default defineConfig({
  root: import.meta.dirname,
  cacheDir: resolve(root, '.cache/vite'),
  resolve: {
    alias: [
      { find: /^webgpu-vae$/, replacement: resolve(root, 'dist/index.js') },
      ...entries.map((name) => ({
        find: `webgpu-vae/${name}`,
        replacement: resolve(root, `dist/${name}.js`),
      })),
    ],
  },
  server: { fs: { allow: [root] } },
});
