/** A hook: a model in a worker for as long as the component lives. React is the application's; the library needs none. */
import { useEffect, useState } from 'react';
import { openWorker } from 'webgpu-vae/worker';

/**
 * @param {import('webgpu-vae').VaeSpec} spec the same object in every render
 * @param {import('webgpu-vae').Dataset} data the same object in every render
 * @param {Omit<import('webgpu-vae/worker').WorkerTrainOptions, 'signal' | 'onStep'>} options
 * @returns {{ vae?: import('webgpu-vae/worker').WorkerVae, progress?: import('webgpu-vae').TrainProgress, isTrained: boolean, error?: Error }}
 */
export function useVae(spec, data, options) {
  const [state, setState] = useState({ isTrained: false });
  useEffect(() => {
    const stop = new AbortController();
    const update = (change) => !stop.signal.aborted && setState((before) => ({ ...before, ...change }));
    let worker;
    const run = async () => {
      worker = await openWorker();
      if (stop.signal.aborted) return worker.terminate();
      const vae = await worker.create(spec);
      update({ vae });
      await vae.train(data, { ...options, signal: stop.signal, onStep: (progress) => update({ progress }) });
      update({ isTrained: true });
    };
    run().catch((error) => update({ error }));
    return () => {
      stop.abort();
      worker?.terminate();
    };
    // options are those of the first render
  }, [spec, data]);
  return state;
}
