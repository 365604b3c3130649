/** The Node entry and the command line, with what they need bundled in; only Dawn (npm webgpu) stays outside. */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    ssr: true,
    target: 'node20',
    minify: false,
    outDir: 'dist/node',
    emptyOutDir: true,
    rolldownOptions: {
      input: { index: 'src/node/index.ts', cli: 'src/node/cli.ts' },
      external: ['webgpu'],
      output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' },
    },
  },
  ssr: { noExternal: true, external: ['webgpu'] },
});
