/**
 * Plan: models of every layer in PyTorch, whose own modules are built from the specification (e2e/pytorch/modules.py).
 * | direction   | model                                                                                    |
 * | ours to it  | every layer once; the orders of flattened images; each preset                            |
 * | its to ours | the same two models with random numbers and running statistics                            |
 * | converted   | the 2018 "World Models" VAE with ConvTranspose2d                                         |
 * Loading is strict, and moments and decoded images are within PyTorch's bound on float32 (error_bound.py).
 */
import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { convBiasToTorch, convWeightToTorch } from '../../src/vae/convert/convolution.js';
import { deconvFromTorch } from '../../src/vae/convert/transposed-convolution.js';
import type { LayerSpec } from '../../src/vae/layer-spec.js';
import { presets, worldModelsSpec, type PresetName } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { layerModels } from '../export-models.js';
import { float32, loadModel } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { elementCount, fromValues, randomNormal, randomUniform } from '../reference/tensor.js';
import { testFolder } from './command-line.js';
import { findTorch, runTorch, type Bounded, type TorchResult } from './torch.js';

const ROWS = 3;
const likelihood = { type: 'gaussian', scale: 1 } as const; // the decoded mean is the decoder's output itself

const models: Record<string, VaeSpec> = {
  'every layer': { ...layerModels['every layer']!, likelihood },
  'flattened images': {
    input: [4, 5, 3],
    latent: 2,
    encoder: [
      { type: 'conv', channels: 4, kernel: 2, padding: 0 },
      { type: 'reshape', shape: [48] },
      { type: 'batchNorm' },
      { type: 'layerNorm', activation: 'silu' },
    ],
    decoder: [
      { type: 'dense', units: 24 },
      { type: 'batchNorm', activation: 'tanh' },
      { type: 'reshape', shape: [2, 3, 4] },
      { type: 'upsample', factor: 2 },
      { type: 'dense', units: 7, activation: 'relu' },
    ],
    posterior: 'isotropic',
    likelihood: { type: 'gaussian', scale: 'per-pixel' },
  },
};

const presetInputs: Record<PresetName, number[]> = {
  dense: [5, 4, 3],
  conv: [8, 12, 3],
  'conv-residual': [8, 4, 3],
  'world-models': [64, 64, 3],
};

/** The same layers with an eighth of the channels, but for the data's own three. */
function thinner(layers: readonly LayerSpec[]): LayerSpec[] {
  return layers.map((layer) => {
    if ('channels' in layer && layer.channels > 3) return { ...layer, channels: layer.channels / 8 };
    if (layer.type === 'dense') return { ...layer, units: layer.units / 8 };
    return layer.type === 'reshape'
      ? { ...layer, shape: layer.shape.with(layer.shape.length - 1, layer.shape.at(-1)! / 8) }
      : layer;
  });
}

function thinWorldModels(): VaeSpec {
  const spec = worldModelsSpec({ input: [64, 64, 3], likelihood });
  return { ...spec, encoder: thinner(spec.encoder), decoder: thinner(spec.decoder) };
}

for (const [name, input] of Object.entries(presetInputs) as [PresetName, number[]][])
  models[`preset ${name}`] =
    name === 'world-models' ? thinWorldModels() : presets[name]({ input, latent: 4, likelihood });

let python: string | undefined;
test.beforeAll(() => {
  python = findTorch();
});
test.beforeEach(() => {
  test.skip(python === undefined, 'no python3 here imports torch');
});

function dataFor({ input, latent }: VaeSpec): { x: Float32Array; z: Float32Array } {
  return {
    x: float32(randomUniform([ROWS, elementCount(input)], 21, 0, 1)),
    z: float32(randomNormal([ROWS, latent], 22)),
  };
}

/** Ours within the bounds, which must themselves be small against the numbers. */
function expectWithin(actual: Float32Array, [values, bounds]: Bounded, what: string): void {
  expect(actual, what).toHaveLength(values.length);
  const scale = Math.max(...values.map(Math.abs));
  const worst = Math.max(...values.map((value, i) => Math.abs(actual[i]! - value) / bounds[i]!));
  const largestBound = Math.max(...bounds) / scale;
  const description = `${what}: ${worst.toExponential(1)} of the bound, which is ${largestBound.toExponential(1)} of the largest`;
  test.info().annotations.push({ type: 'error', description });
  expect(largestBound, `bound of ${what}`).toBeLessThan(0.02);
  expect(worst, what).toBeLessThan(1);
}

async function expectSame(
  vae: Vae,
  data: { x: Float32Array; z: Float32Array },
  torch: TorchResult,
): Promise<void> {
  const { mean, logVariance } = await vae.encode(data.x);
  expectWithin(mean, torch.mean, 'mean');
  expectWithin(logVariance, torch.logVariance, 'log-variance');
  expectWithin(await vae.decode(data.z), torch.decoded, 'decoded');
}

/** A few steps, so that no weight or statistic is as it was initialised. */
async function trainBriefly(vae: Vae): Promise<void> {
  const trainer = await vae.trainer(undefined, { batchSize: 4, learningRate: 0.05 });
  for (let step = 0; step < 3; step++) {
    const x = randomUniform([4, vae.model.width], 30 + step, 0, 1);
    const noise = randomNormal([4, vae.spec.latent], 40 + step);
    await trainer.step({ x: float32(x), noise: float32(noise) });
  }
  await trainer.terms();
  trainer.destroy();
}

test.describe('our file in PyTorch', () => {
  for (const [name, spec] of Object.entries(models))
    test(name, async () => {
      const folder = testFolder();
      const vae = await Vae.create(spec, { device: await nodeDevice(), seed: 4 });
      if (!name.startsWith('preset')) await trainBriefly(vae);
      const file = await vae.save();
      writeFileSync(join(folder, 'model.safetensors'), file);
      const data = dataFor(spec);
      const torch = await runTorch(python!, 'load', folder, data);
      const { tensors } = await readSafetensors(file);
      expect(torch.names).toEqual([...tensors.keys()].toSorted());
      await expectSame(vae, data, torch);

      const again = await Vae.load(file, { device: await nodeDevice() });
      expect(await again.save()).toEqual(file);
      again.destroy();
      vae.destroy();
    });
});

test.describe("PyTorch's file in ours", () => {
  for (const name of ['every layer', 'flattened images'])
    test(name, async () => {
      const [folder, spec] = [testFolder(), models[name]!];
      writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
      const data = dataFor(spec);
      const torch = await runTorch(python!, 'make', folder, data);
      const file = readFileSync(join(folder, 'model.safetensors'));
      const vae = await Vae.load(file, { device: await nodeDevice() });
      await expectSame(vae, data, torch);
      vae.destroy();
    });
});

test('"World Models" with transposed convolutions, converted', async () => {
  const [folder, spec] = [testFolder(), thinWorldModels()];
  const data = dataFor(spec);
  const torch = await runTorch(python!, 'world', folder, data);
  const { tensors } = await readSafetensors(readFileSync(join(folder, 'world.safetensors')));
  const parameters = new Map(
    [...tensors].map(([name, { shape, values }]) => [name, fromValues(shape, values as Float32Array)]),
  );
  // modules of ours are Conv2d, PixelShuffle, a crop behind the first two, and ReLU
  for (const [theirs, ours] of [
    [2, 2],
    [4, 6],
    [6, 10],
    [8, 13],
  ] as const) {
    const [weight, bias] = [
      parameters.get(`decoder.${theirs}.weight`)!,
      parameters.get(`decoder.${theirs}.bias`)!,
    ];
    const stored = { shape: weight.shape, values: float32(weight) };
    const converted = deconvFromTorch(stored, float32(bias), { stride: 2 });
    const conv = convWeightToTorch(converted.weight, 2);
    parameters.delete(`decoder.${theirs}.weight`);
    parameters.delete(`decoder.${theirs}.bias`);
    parameters.set(`new.${ours}.weight`, fromValues(conv.shape, conv.values));
    parameters.set(`new.${ours}.bias`, fromValues([conv.shape[0]], convBiasToTorch(converted.bias, 2)));
  }
  const renamed = new Map([...parameters].map(([name, tensor]) => [name.replace('new', 'decoder'), tensor]));
  const vae = await loadModel(spec, renamed, await nodeDevice());
  await expectSame(vae, data, torch);
  vae.destroy();
});
