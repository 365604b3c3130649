/** The core as one classic script for pages without modules: `<script src="webgpu-vae.global.js">` sets `webgpuVae`. */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    emptyOutDir: false, // the entries of vite.config.ts are there
    target: 'es2022',
    lib: {
      entry: 'src/index.ts',
      formats: ['iife'],
      name: 'webgpuVae',
      fileName: () => 'webgpu-vae.global.js',
    },
  },
});
