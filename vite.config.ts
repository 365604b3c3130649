/** The library: ES modules for browsers and bundlers, no runtime dependency, WGSL inlined by the generator. */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'es2022',
    minify: false,
    lib: { entry: { index: 'src/index.ts', gpu: 'src/gpu/index.ts' }, formats: ['es'] },
    rolldownOptions: { output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' } },
  },
});
