/**
 * A training that saves after every step, for a tab or a process that is killed while it does so. Plain JavaScript on the
 * built library, as e2e/site/run.js.
 */
import { readSafetensors, Vae } from '../../dist/index.js';
import { CheckpointStore } from '../../dist/storage.js';

/** 200 steps: 50 epochs of three batches of 16 rows and one of 2. */
export const EPOCHS = 50;

/** Few kernels, because every process compiles them anew: no hidden layers. */
const spec = { input: [16, 16, 1], latent: 8, encoder: [], decoder: [] };
const data = {
  rows: 50,
  shape: [16, 16, 1],
  values: Uint8Array.from({ length: 50 * 256 }, (_, i) => (i * 37 + (i >> 4) * 101) & 255),
};

/**
 * Trains from `resume`, or from the beginning, to the end, and hands every checkpoint to `save`.
 *
 * @param {{ device: import('../../src/index.js').CreateOptions['device'], resume: Uint8Array | undefined,
 *   save: (checkpoint: Uint8Array, step: number) => void | Promise<void> }} run
 */
export async function trainAndSave({ device, resume, save }) {
  const vae = await Vae.create(spec, { device, seed: 1 });
  const options = { batchSize: 16, learningRate: 0.01, seed: 3, binarize: true };
  await vae.train(data, {
    ...options,
    epochs: EPOCHS,
    saveEvery: 1,
    onSave: save,
    ...(resume && { resume }),
  });
  vae.destroy();
}

/**
 * The same in a page, into the store of that name; `saved` has the step that it began at and those that were acknowledged.
 *
 * @param {string} name
 */
export async function trainIntoStore(name) {
  const store = await CheckpointStore.open(name);
  const resume = await store.load();
  globalThis.saved = [resume ? await stepOf(resume) : 0];
  await trainAndSave({
    device: undefined,
    resume,
    async save(checkpoint, step) {
      await store.save(checkpoint);
      globalThis.saved.push(step);
    },
  });
  await store.close();
}

/** @param {Uint8Array} checkpoint */
async function stepOf(checkpoint) {
  return JSON.parse((await readSafetensors(checkpoint)).metadata.get('training')).step;
}

/** What a store holds, as plain numbers. @param {string} name */
export async function readStore(name) {
  const store = await CheckpointStore.open(name);
  const bytes = await store.load();
  await store.close();
  return bytes && Array.from(bytes);
}
