/**
 * Plan: training of convolutional VAEs against PyTorch (float64): fifty Adam steps with fed batches and noise.
 * | run           | layers                                                                    | likelihood, estimator |
 * | deconvolution | strided and asymmetric conv, GroupNorm, deconv with and without a crop    | bernoulli, B          |
 * | residual      | BatchNorm, residual with and without shortcut, upsampling; 2 channels     | gaussian, A           |
 * First the inputs are shown to be PyTorch's to the last bit; then every loss, every tensor's sums, and the running
 * statistics at the end are compared.
 */
import { expect, test } from '@playwright/test';
import { checkSums } from '../goldens/check-sums.js';
import * as golden from '../goldens/conv-trajectory.js';
import { fnv1a } from '../goldens/trajectory.js';
import { float32, loadModel, readParameters, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';

/** Of the loss, relative, at every step: what is promised. */
const LOSS_TOLERANCE = 1e-4;
/** Of a weight or a statistic, in units of its tensor's largest: float32 rounding grows over fifty steps. */
const WEIGHT_TOLERANCE = 1e-4;

for (const run of golden.loadConvRuns()) {
  const channels = run.spec.input[2]!;

  test(`${run.name}: both sides build the same images and weights`, () => {
    const images = Array.from({ length: golden.STEPS }, (_, step) => [...golden.convBytes(step, channels)]);
    expect(fnv1a(Uint8Array.from(images.flat()))).toBe(run.inputs.imageHash);
    const weights = [...golden.convWeights(run).values()].flatMap(({ values }) => [...values]);
    expect(fnv1a(new Uint8Array(Float32Array.from(weights).buffer))).toBe(run.inputs.weightHash);
  });

  test(`${run.name}: fifty steps from the same start as PyTorch`, async () => {
    const start = new Map([...golden.convWeights(run), ...golden.convState(run)]);
    const vae = await loadModel(run.spec, start, await nodeDevice());
    const { estimator, losses } = run;
    const { BATCH: batchSize, LEARNING_RATE: learningRate } = golden;
    const trainer = await vae.trainer(undefined, { batchSize, learningRate, estimator });
    for (let step = 0; step < golden.STEPS; step++) {
      const [x, noise] = [golden.convRows(step, channels), golden.convNoise(step, run.spec.latent)];
      await trainer.step({ x: float32(x), noise: float32(noise) });
    }
    const terms = await trainer.terms();
    const errors = terms.map(({ elbo }, step) => Math.abs(-elbo - losses[step]!) / losses[step]!);
    const worst = Math.max(...errors);
    const description = `worst relative error ${worst.toExponential(1)} at step ${errors.indexOf(worst)}`;
    test.info().annotations.push({ type: 'loss', description });
    expect(errors).toHaveLength(golden.STEPS);
    expect(worst).toBeLessThan(LOSS_TOLERANCE);

    const after = await readParameters(vae);
    expect([...after.keys()].toSorted()).toEqual([...start.keys()].toSorted());
    for (const [name, sums] of Object.entries(run.finalWeights))
      checkSums(name, after.get(name)!.values, sums, WEIGHT_TOLERANCE);
    for (const [name, values] of Object.entries(run.finalState))
      expect(scaledError(after.get(name)!.values, values), name).toBeLessThan(WEIGHT_TOLERANCE);
    trainer.destroy();
    vae.destroy();
  });
}
