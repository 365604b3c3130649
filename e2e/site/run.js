/**
 * What the tests do with the built library where users have it: the same module runs in a page and in a worker.
 * Plain JavaScript that the browser loads as it stands, so that the page's Content-Security-Policy applies to it.
 */
import { Device, Vae } from '../../dist/index.js';

/**
 * Trains a small VAE on a device of its own and answers with plain data.
 *
 * @param {{ hidden: number, depth: number, latent: number, rows: number, shape: number[], bytes: number[], batchSize: number,
 *   steps: number, learningRate: number, seed: number }} task
 */
export async function train(task) {
  const started = performance.now();
  const device = await Device.open();
  let submits = 0;
  const submit = device.gpu.queue.submit.bind(device.gpu.queue);
  device.gpu.queue.submit = (buffers) => {
    submits++;
    submit(buffers);
  };
  const layers = Array.from({ length: task.depth }, () => ({
    type: 'dense',
    units: task.hidden,
    activation: 'relu',
  }));
  const spec = { input: task.shape, latent: task.latent, encoder: layers, decoder: layers };
  const vae = await Vae.create(spec, { device, seed: task.seed });
  const data = { rows: task.rows, shape: task.shape, values: Uint8Array.from(task.bytes) };
  const { batchSize, learningRate, seed } = task;
  const trainer = await vae.trainer(data, { batchSize, learningRate, seed });
  await trainer.step();
  const terms = await trainer.terms();
  const firstTermsMs = performance.now() - started;
  submits = 0;
  const rest = performance.now();
  for (let step = 1; step < task.steps; step++) await trainer.step();
  const submitsOfSteps = submits;
  terms.push(...(await trainer.terms()));
  const stepMs = (performance.now() - rest) / Math.max(1, task.steps - 1);
  const weights = await vae.readWeights();
  const digest = await crypto.subtle.digest('SHA-256', weights);
  const result = {
    elbos: terms.map(({ elbo }) => elbo),
    weightsHash: Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(''),
    adapter: device.description,
    dispatchesPerStep: trainer.dispatchesPerStep,
    submitsPerStep: submitsOfSteps / Math.max(1, task.steps - 1),
    firstTermsMs,
    stepMs,
    compileTimeMs: trainer.compileTimeMs,
    liveByteLengthAfter: 0,
  };
  trainer.destroy();
  vae.destroy();
  result.liveByteLengthAfter = device.liveByteLength;
  device.destroy();
  return result;
}
