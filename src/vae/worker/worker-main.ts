/** The module that a Web Worker runs: `new Worker(url, { type: 'module' })`, or an import in a worker of one's own. */
import { DeviceError } from '../../gpu/errors.js';
import { serve, type WorkerScope } from './server.js';

if (!('WorkerGlobalScope' in globalThis))
  throw new DeviceError(
    'worker',
    'webgpu-vae/worker-main was loaded outside a Web Worker; load it in one, and webgpu-vae/worker here',
  );
serve(globalThis as unknown as WorkerScope);
