/**
 * Plan: the models that the built command line offers.
 * | axis     | control                  | cases                                                                |
 * | --model  | dense (cli.spec.ts)      | conv, world-models on grey and colour, a specification in a file     |
 * | data     | of the model's own shape | of another: scaled without --size, in training and evaluation alike  |
 * | pictures | -                        | sizes of samples, reconstructions and manifold of a grey conv model  |
 * | refusals | -                        | layers that do not fit, sides, options of another preset             |
 */
import { expect, test } from '@playwright/test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describeModel } from '../../src/node/cli/session.js';
import { presets, type PresetName } from '../../src/vae/presets.js';
import { completeSpec } from '../../src/vae/spec.js';
import { pngFile } from '../pictures/png.js';
import { runCli, testFolder, readReport } from './command-line.js';

const tiny = ['--limit', '40', '--epochs', '1', '--batch', '20'];

function pictureSize(folder: string, name: string): number[] {
  const { width, height, channels } = decode(readFileSync(join(folder, 'out', name)));
  return [width, height, channels];
}

test('conv trains, draws, and evaluates as its report says', async () => {
  const folder = testFolder();
  const words = ['train', ...tiny, '--model', 'conv', '--size', '8x12', '--hidden', '16', '--latent', '2'];
  const { code, stderr } = await runCli(words, folder);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('model 8x12x1-conv32/2-conv64/2-16-2-16-384-deconv32*2-deconv1*2, bernoulli, ');
  // Images twice as large with gaps of 2: 10 x 4, 8 x 8; the manifold is 20 x 20 as it is, without gaps.
  expect(pictureSize(folder, 'reconstructions.png')).toEqual([262, 74, 1]);
  expect(pictureSize(folder, 'samples.png')).toEqual([210, 146, 1]);
  expect(pictureSize(folder, 'manifold.png')).toEqual([240, 160, 1]);
  const report = readReport(join(folder, 'out'));
  expect(report).toMatchObject({ steps: 2, data: { shape: [8, 12, 1] }, options: { model: 'conv' } });
  expect(readFileSync(join(folder, 'out/curve.svg'), 'utf8')).toContain('fashion: conv, latent 2, bernoulli');
  const again = await runCli(['evaluate', 'out', '--limit', '40', '--json'], folder);
  expect(again.stderr).toContain('the 28x28x1 images of fashion become 8x12x1, as the model has them');
  expect(JSON.parse(again.stdout)).toEqual(report.test);
});

test("a specification's images are scaled to it without --size, in colour", async () => {
  const folder = testFolder();
  const norm = { type: 'batchNorm', activation: 'relu' };
  const spec = {
    input: [6, 4, 3],
    latent: 2,
    encoder: [{ type: 'conv', channels: 8, kernel: 3, stride: 2 }, norm, { type: 'dropout', rate: 0.1 }],
    decoder: [
      { type: 'dense', units: 3 * 2 * 8, activation: 'relu' },
      { type: 'reshape', shape: [3, 2, 8] },
      { type: 'deconv', channels: 3 },
    ],
  };
  writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
  const { code, stderr } = await runCli(['train', ...tiny, '--model', 'spec.json'], folder);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('the 28x28x1 images of fashion become 6x4x3, as the model has them\n');
  expect(stderr).toContain('data fashion, 40 training and 40 test images of 6x4x3\n');
  expect(readReport(join(folder, 'out'))).toMatchObject({
    model: completeSpec(spec),
    data: { shape: [6, 4, 3] },
  });
  for (const name of ['reconstructions.png', 'samples.png', 'manifold.png'])
    expect(pictureSize(folder, name)[2], name).toBe(3);
  const again = await runCli(['evaluate', 'out', '--limit', '40', '--json'], folder);
  expect(JSON.parse(again.stdout)).toEqual(readReport(join(folder, 'out')).test);
});

test('world-models makes 64x64 of grey images and of coloured pictures', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'photos'));
  const samples = Array.from({ length: 30 * 20 }, (_, i) => [200, i % 256, 40]).flat();
  for (const name of ['a', 'b', 'c'])
    writeFileSync(
      join(folder, `photos/${name}.png`),
      pngFile({ width: 30, height: 20, depth: 8, colourType: 2 }, samples),
    );
  const words = ['plan', '--model', 'world-models', '--batch', '2', '--limit', '2'];
  const grey = await runCli(words, folder);
  expect(grey.code, grey.stderr).toBe(0);
  expect(grey.stdout).toContain('data fashion, 2 training and 2 test images of 64x64x1\n');
  const colour = await runCli([...words, '--data', 'photos'], folder);
  expect(colour.code, colour.stderr).toBe(0);
  expect(colour.stdout).toContain(
    '64x64x3-conv32/2-conv64/2-conv128/2-conv256/2-32-1024-deconv128*2-deconv64*2-deconv32*2-deconv3*2, bernoulli at batch 2',
  );
  expect(colour.stdout).toMatch(
    /encoder\.0\/conv\S* +conv\S+ .* \[2, 64, 64, 3\] \[4, 4, 3, 32\] \[32\] -> /,
  );
});

const described: Record<PresetName, { input: number[]; text: string }> = {
  dense: { input: [28, 28, 1], text: '784-400-20-400-784, bernoulli' },
  conv: {
    input: [28, 28, 1],
    text: '28x28x1-conv32/2-conv64/2-256-16-256-3136-deconv32*2-deconv1*2, bernoulli',
  },
  'conv-residual': {
    input: [8, 8, 3],
    text:
      '8x8x3-conv32-residual(groupNorm-conv32-groupNorm-conv32)-conv64/2-residual(groupNorm-conv64-groupNorm-conv64)-' +
      'conv64/2-residual(groupNorm-conv64-groupNorm-conv64)-groupNorm-256-32-256-residual(groupNorm-conv64-groupNorm-conv64)-' +
      'upsample*2-conv64-residual(groupNorm-conv64-groupNorm-conv64)-upsample*2-conv32-residual(groupNorm-conv32-groupNorm-conv32)-' +
      'groupNorm-conv3, bernoulli',
  },
  'world-models': {
    input: [64, 64, 3],
    text: '64x64x3-conv32/2-conv64/2-conv128/2-conv256/2-32-1024-deconv128*2-deconv64*2-deconv32*2-deconv3*2, bernoulli',
  },
};

for (const [name, { input, text }] of Object.entries(described))
  test(`${name} is described in a line`, () => {
    expect(describeModel(completeSpec(presets[name as PresetName]({ input })))).toBe(text);
  });

test('a dense output behind the decoder is described, whatever its last layer is', () => {
  const relu = { type: 'activation', activation: 'relu' };
  const decoder = [{ type: 'dense', units: 9 }, relu];
  const spec = completeSpec({
    input: [2, 2, 1],
    latent: 2,
    encoder: [{ type: 'conv', channels: 3, kernel: 1, stride: [2, 1] }],
    decoder,
  });
  expect(describeModel(spec)).toBe('2x2x1-conv3/2x1-2-9-activation-4, bernoulli');
});

const few = ['--limit', '20'];
const image = { input: [28, 28, 1], latent: 2 };
const misfit = {
  ...image,
  encoder: [{ type: 'flatten' }, { type: 'conv', channels: 2, kernel: 3 }],
  decoder: [],
};
const bad: Record<string, { spec?: object; words: string[]; line: string }> = {
  'a layer that does not fit, before the GPU is opened': {
    spec: misfit,
    words: ['--model', 'spec.json'],
    line: '[spec.encoder[1]] conv gets a vector [784]; expected an image [height, width, channels]; put a reshape before it',
  },
  'sides that conv cannot halve twice': {
    words: ['--model', 'conv', '--size', '30x28'],
    line:
      '[spec.input] is [30, 28, 1]; the conv preset expects [height, width, channels] with sides that are multiples of 4; ' +
      'scale the images (--size 28x28), or choose the dense preset',
  },
  'a size that world-models does not have': {
    words: ['--model', 'world-models', '--size', '32'],
    line:
      '[spec.input] is [32, 32, 1]; the world-models preset expects [64, 64, channels]; ' +
      'scale the images (--size 64), or choose another preset',
  },
  'an option that world-models does not have': {
    words: ['--model', 'world-models', '--hidden', '9'],
    line:
      '[--hidden] came with --model world-models, which has no dense hidden layer; ' +
      'remove it, or choose another model',
  },
};
for (const [name, { spec, words, line }] of Object.entries(bad))
  test(name, async () => {
    const folder = testFolder();
    if (spec) writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
    for (const command of ['train', 'plan']) {
      const { code, stdout, stderr } = await runCli([command, ...few, ...words], folder);
      expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: `webgpu-vae: ${line}\n` });
    }
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
