/**
 * Plan: a checkpoint of the command line in PyTorch, by the very lines that the README gives for it.
 * | axis       | control            | cases                                           |
 * | checkpoint | one short training | strict load_state_dict, moments, reconstruction |
 */
import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { floatRows } from '../../src/vae/data/dataset.js';
import { loadImages } from '../../src/node/data.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { readmeExamples, runCli, runProcess, testFolder } from './command-line.js';
import { findTorch } from './torch.js';

/** float32 sums of 784 products on both sides, in another order; 1e-6 was the worst seen. */
const TOLERANCE = 1e-5;
const IMAGES = 8;

/** Follows the README's lines: the keys that a strict load would miss or not know, and the outputs, as JSON. */
const comparison = `
x = torch.frombuffer(bytearray(open("images.bin", "rb").read()), dtype=torch.float32).reshape(-1, inputs)
with torch.no_grad():
    hidden_units = model.encoder(x)
    outputs = {"mean": model.mean(hidden_units), "logVariance": model.log_variance(hidden_units), "reconstruction": model(x)}
print(json.dumps({"names": sorted(model.state_dict()), **{name: t.flatten().tolist() for name, t in outputs.items()}}))
`;

interface TorchOutputs {
  readonly names: string[];
  readonly mean: number[];
  readonly logVariance: number[];
  readonly reconstruction: number[];
}

test("the README's lines load a checkpoint into PyTorch, which reconstructs the same images", async () => {
  const python = findTorch();
  test.skip(python === undefined, 'no python3 here imports torch');
  const folder = testFolder();
  const words = [
    'train',
    '--limit',
    '256',
    '--epochs',
    '1',
    '--hidden',
    '16',
    '--latent',
    '4',
    '--batch',
    '32',
  ];
  const trained = await runCli(words, folder);
  expect(trained.code, trained.stderr).toBe(0);

  const images = floatRows(await loadImages('fashion', 'test', { limit: IMAGES }));
  writeFileSync(
    join(folder, 'images.bin'),
    new Uint8Array(images.buffer, images.byteOffset, images.byteLength),
  );
  const program = readmeExamples('python').join('') + comparison;
  const { code, stdout, stderr } = await runProcess(python!, ['-c', program], folder);
  expect(code, stderr).toBe(0);
  const torch = JSON.parse(stdout) as TorchOutputs;
  const layers = ['decoder.0', 'decoder.2', 'encoder.0', 'log_variance', 'mean'];
  expect(torch.names).toEqual(layers.flatMap((layer) => [`${layer}.bias`, `${layer}.weight`]));

  const file = readFileSync(join(folder, 'out/model.safetensors'));
  const vae = await Vae.load(file, { device: await nodeDevice() });
  const { mean, logVariance } = await vae.encode(images);
  const reconstruction = await vae.reconstruct(images);
  vae.destroy();
  const worst = Math.max(
    largestDifference(mean, torch.mean),
    largestDifference(logVariance, torch.logVariance),
    largestDifference(reconstruction, torch.reconstruction),
  );
  test.info().annotations.push({ type: 'difference', description: worst.toExponential(1) });
  expect(reconstruction).toHaveLength(IMAGES * 784);
  expect(worst).toBeLessThan(TOLERANCE);
});

function largestDifference(ours: Float32Array, theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  return ours.reduce((worst, value, i) => Math.max(worst, Math.abs(value - theirs[i]!)), 0);
}
