/** A worker of the application's own, with what it needs from us; `?without-gpu` has no WebGPU. */
// oxlint-disable-next-line import/no-unassigned-import -- it runs the worker
import '../../dist/worker-main.js';

if (location.search === '?without-gpu') Object.defineProperty(navigator, 'gpu', { value: undefined });
