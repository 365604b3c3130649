/**
 * One build for every entry, so that all share one copy of each class (`instanceof DeviceError` holds across
 * entries). Built as for a server, which means: nothing is polyfilled, everything but Dawn (npm webgpu) and
 * Node's own modules is bundled in. Only the node/ entries import those; the others run anywhere.
 */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    ssr: true,
    target: 'es2022',
    minify: false,
    // The bundled packages' licences ask to be passed on.
    license: { fileName: 'THIRD-PARTY-LICENSES.md' },
    rolldownOptions: {
      input: {
        index: 'src/index.ts',
        gpu: 'src/gpu/index.ts',
        coding: 'src/vae/coding/index.ts',
        classical: 'src/vae/classical/index.ts',
        evaluation: 'src/vae/evaluation/index.ts',
        storage: 'src/vae/storage/index.ts',
        interop: 'src/vae/interop/index.ts',
        worker: 'src/vae/worker/index.ts',
        'worker-main': 'src/vae/worker/worker-main.ts',
        export: 'src/vae/export/index.ts',
        'node/index': 'src/node/index.ts',
        'node/cli': 'src/node/cli.ts',
      },
      external: ['webgpu'],
      output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' },
    },
  },
  ssr: { noExternal: true, external: ['webgpu'] },
});
