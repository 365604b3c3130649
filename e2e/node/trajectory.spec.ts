/**
 * Plan: the whole training step against PyTorch and against the float64 reference, with fed batches and noise.
 * Fifty Adam steps of a 784-32-8 VAE from the golden start: likelihood x estimator, every loss, every final
 * weight. Then the gradient of one step for small models: posterior x estimator x likelihood and scale x
 * activation, three samples a datum, beta 0.5; read as the change of the weights under plain SGD.
 */
import { expect, test } from '@playwright/test';
import type { Activation } from '../../src/gpu/ops/activation.js';
import { checkSums } from '../goldens/check-sums.js';
import * as golden from '../goldens/trajectory.js';
import { float32, loadModel, randomParameters, readParameters, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { adam, initialState } from '../reference/optimizer.js';
import { elementCount, randomNormal, randomUniform } from '../reference/tensor.js';
import { vaeBackward, type DenseVaeSpec, type Parameters } from '../reference/vae.js';
import { holdTo } from '../truth.js';

/** Of the loss, relative, at every step: what is promised. SwiftShader stays below 3e-7. */
const LOSS_TOLERANCE = 1e-4;
/** Of a weight, in units of its tensor's largest: float32 rounding grows over fifty steps; 3e-6 was the worst seen. */
const WEIGHT_TOLERANCE = 1e-4;
/** Of a gradient, in units of its tensor's largest: float32 sums of at most 51 terms; 4e-7 was the worst seen. */
const GRADIENT_TOLERANCE = 1e-5;

function annotate(type: string, description: string): void {
  test.info().annotations.push({ type, description });
}

/** The float64 weights after the golden run; the unit tests hold this loop to PyTorch at 1e-9. */
function referenceWeights(run: golden.GoldenRun): Parameters {
  const spec = golden.trajectorySpec(run.likelihood);
  const parameters = golden.initialParameters();
  const states = new Map([...parameters].map(([name, { values }]) => [name, initialState(values.length)]));
  for (let step = 0; step < golden.STEPS; step++) {
    const { estimator } = run;
    const { gradients } = vaeBackward(
      spec,
      parameters,
      golden.trajectoryRows(step),
      golden.trajectoryNoise(step),
      { estimator },
    );
    for (const [name, { values }] of parameters)
      adam(values, gradients.get(name)!.values, states.get(name)!, { learningRate: golden.LEARNING_RATE });
  }
  return parameters;
}

test.describe('fifty steps from the same start as PyTorch', () => {
  for (const run of golden.loadTrajectory().runs)
    test(`${run.likelihood}, estimator ${run.estimator}`, async () => {
      const spec = golden.trajectorySpec(run.likelihood);
      const vae = await loadModel(spec, golden.initialParameters(), await nodeDevice());
      const { estimator, losses } = run;
      const options = { batchSize: golden.BATCH, learningRate: golden.LEARNING_RATE, estimator };
      const trainer = await vae.trainer(undefined, options);
      for (let step = 0; step < golden.STEPS; step++) {
        const [x, noise] = [golden.trajectoryRows(step), golden.trajectoryNoise(step)];
        await trainer.step({ x: float32(x), noise: float32(noise) });
      }
      const terms = await trainer.terms();
      const errors = terms.map(({ elbo }, step) => Math.abs(-elbo - losses[step]!) / losses[step]!);
      const worst = Math.max(...errors);
      annotate('loss', `worst relative error ${worst.toExponential(1)} at step ${errors.indexOf(worst)}`);

      expect(errors).toHaveLength(golden.STEPS);
      expect(worst).toBeLessThan(LOSS_TOLERANCE);

      const actual = await readParameters(vae);
      const weightErrors = [...referenceWeights(run)].map(([name, { values }]) => ({
        name,
        error: scaledError(actual.get(name)!.values, values),
      }));
      const { name, error } = weightErrors.toSorted((a, b) => b.error - a.error)[0]!;
      annotate('weights', `worst error ${error.toExponential(1)} of the largest in ${name}`);
      expect(error, name).toBeLessThan(WEIGHT_TOLERANCE);
      for (const [tensor, { values }] of actual)
        checkSums(tensor, values, run.finalWeights[tensor]!, WEIGHT_TOLERANCE);
      trainer.destroy();
      vae.destroy();
    });
});

/** A small model with odd widths; `layers` names the activations. */
function smallSpec(extra: Partial<DenseVaeSpec>, activation: Activation = 'relu'): DenseVaeSpec {
  const layer = { type: 'dense', units: 12, activation } as const;
  return { input: [20], latent: 3, encoder: [layer], decoder: [layer], ...extra };
}

const gradientSpecs: Record<string, DenseVaeSpec> = {
  'bernoulli, relu': smallSpec({}),
  'isotropic posterior': smallSpec({ posterior: 'isotropic' }),
  'gaussian, one learned scale, silu': smallSpec(
    { likelihood: { type: 'gaussian', scale: 'learned' } },
    'silu',
  ),
  'gaussian, a scale a pixel, gelu': smallSpec(
    { likelihood: { type: 'gaussian', scale: 'per-pixel' } },
    'gelu',
  ),
  'laplace, one learned scale, tanh': smallSpec(
    { likelihood: { type: 'laplace', scale: 'learned' } },
    'tanh',
  ),
  'bernoulli, leakyRelu': smallSpec({}, 'leakyRelu'),
  'gaussian of fixed scale, sigmoid': smallSpec({ likelihood: { type: 'gaussian', scale: 0.3 } }, 'sigmoid'),
  'no hidden layers': smallSpec({ encoder: [], decoder: [] }),
  'three hidden layers of odd widths, one of them linear': smallSpec({
    input: [5, 7],
    latent: 5,
    encoder: [
      { type: 'dense', units: 33 },
      { type: 'dense', units: 17, activation: 'relu' },
    ],
    decoder: [{ type: 'dense', units: 33, activation: 'tanh' }],
  }),
  'laplace, a scale a pixel, softplus, isotropic': smallSpec(
    { posterior: 'isotropic', likelihood: { type: 'laplace', scale: 'per-pixel' } },
    'softplus',
  ),
};

/** A power of two: exact in the update, and large, so that rounding the weights hides little of the gradient. */
const GRADIENT_RATE = 512;

test.describe('gradients of one step against float64', () => {
  for (const [name, spec] of Object.entries(gradientSpecs))
    for (const estimator of ['A', 'B'] as const)
      test(`${name}, estimator ${estimator}`, async () => {
        const [batch, samples, beta] = [7, 3, 0.5];
        const parameters = randomParameters(spec, 5);
        const x = randomUniform([batch, elementCount(spec.input)], 6, 0, 1);
        const noise = randomNormal([samples * batch, spec.latent], 7);
        const expected = vaeBackward(spec, parameters, x, noise, { estimator, beta });

        const vae = await loadModel(spec, parameters, await nodeDevice());
        const optimizer = { type: 'sgd' } as const;
        const options = {
          batchSize: batch,
          learningRate: GRADIENT_RATE,
          optimizer,
          estimator,
          samples,
          beta,
        };
        const trainer = await vae.trainer(undefined, options);
        await trainer.step({ x: float32(x), noise: float32(noise) });
        const [terms] = await trainer.terms();
        const after = await readParameters(vae);
        expect([...after.keys()].toSorted()).toEqual([...expected.gradients.keys()].toSorted());
        for (const [tensor, gradient] of expected.gradients) {
          const before = parameters.get(tensor)!.values;
          const actual = after.get(tensor)!.values.map((value, i) => (before[i]! - value) / GRADIENT_RATE);
          expect(scaledError(actual, gradient.values), tensor).toBeLessThan(GRADIENT_TOLERANCE);
        }
        for (const term of ['elbo', 'reconstruction', 'kl'] as const)
          holdTo(
            `posterior ${spec.posterior ?? 'diagonal'}`,
            'terms in float64',
            scaledError([terms![term]], [expected.terms[term]]),
            GRADIENT_TOLERANCE,
          );
        trainer.destroy();
        vae.destroy();
      });
});
