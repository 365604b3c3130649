/**
 * Plan: where elements of a file's tensors lie in ours, without a GPU.
 * - every layout visits each element of both sides once, and is the textbook's index arithmetic;
 * - parts of a tensor share nothing and leave nothing out;
 * - a file gives back every bit of a model's weights and state: presets, norms, flattened images;
 * - names count modules as PyTorch's Sequential does (pytorch-conv.spec.ts proves it where there is a PyTorch).
 */
import { expect, test } from '@playwright/test';
import { modelValues, readModelFile, writeModelFile } from '../../src/vae/checkpoint/model-file.js';
import * as layouts from '../../src/vae/file-layout.js';
import type { LayerSpec } from '../../src/vae/layer-spec.js';
import { Model } from '../../src/vae/model.js';
import { presets, type PresetName } from '../../src/vae/presets.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import { coordinatesOf, elementCount, TestRandom } from '../reference/tensor.js';

/** Places in ours, by the place in the file. */
function placesOf(layout: layouts.FileLayout): number[] {
  const places: number[] = [];
  layouts.forEachElement(layout, (stored, ours) => {
    expect(stored).toBe(places.length);
    places.push(ours);
  });
  return places;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

/** The layout, and the place in ours of the element of the file's tensor at these coordinates. */
const rows: Record<string, [layouts.FileLayout, (...at: number[]) => number]> = {
  'unchanged [2, 3]': [layouts.unchanged('', [2, 3]), (i, j) => 3 * i + j],
  'a scalar': [layouts.unchanged('', []), () => 0],
  'permuted [2, 3, 4] by (2, 0, 1)': [
    layouts.permuted('', [4, 2, 3], [2, 3, 4], [2, 0, 1]),
    (c, a, b) => (a * 3 + b) * 4 + c,
  ],
  'a Linear of vectors': [layouts.linearLayout('', [5], [3]), (o, i) => i * 3 + o],
  'a Linear of a 2x3x4 image': [
    layouts.linearLayout('', [2, 3, 4], [5]),
    (o, i) => ((i % 6) * 4 + Math.floor(i / 6)) * 5 + o,
  ],
  'a Linear to a 2x3x4 image': [
    layouts.linearLayout('', [5], [2, 3, 4]),
    (o, i) => i * 24 + (o % 6) * 4 + Math.floor(o / 6),
  ],
  'a bias of a 2x3x4 image': [layouts.vectorLayout('', [2, 3, 4]), (o) => (o % 6) * 4 + Math.floor(o / 6)],
  'rows of 2x3x4 images': [
    layouts.rowsLayout('', 5, [2, 3, 4]),
    (row, o) => row * 24 + (o % 6) * 4 + Math.floor(o / 6),
  ],
  'a Conv2d': [layouts.convLayout('', [2, 3, 4, 5], 1), (o, c, ky, kx) => ((ky * 3 + kx) * 4 + c) * 5 + o],
  'a Conv2d and a PixelShuffle of 2': [
    layouts.convLayout('', [2, 3, 5, 12], 2),
    (o, c, ky, kx) => ((ky * 3 + kx) * 5 + c) * 12 + (o % 4) * 3 + Math.floor(o / 4),
  ],
  'its bias': [layouts.channelLayout('', 12, 2), (o) => (o % 4) * 3 + Math.floor(o / 4)],
};

for (const [name, [layout, place]] of Object.entries(rows))
  test(`${name}: each element once, where it belongs`, () => {
    const places = placesOf(layout);
    const count = elementCount(layout.shape);
    expect(sorted(places)).toEqual(upTo(count));
    expect(places).toEqual(upTo(count).map((i) => place(...coordinatesOf(i, layout.shape))));
  });

for (const inputs of [[5], [2, 3, 4]])
  test(`parts of a Linear of [${inputs.join(', ')}] cover it, each element once`, () => {
    const whole = layouts.linearLayout('', inputs, [7]);
    const parts = [layouts.partOf(whole, 'mean', 0, 4), layouts.partOf(whole, 'log_variance', 4, 3)];
    expect(parts.map(({ name, shape }) => [name, shape[0]])).toEqual([
      ['mean', 4],
      ['log_variance', 3],
    ]);
    expect(parts.flatMap(placesOf)).toEqual(placesOf(whole));
  });

const norms: readonly LayerSpec[] = [
  { type: 'conv', channels: 4, kernel: 2, padding: 0 },
  { type: 'batchNorm' },
  { type: 'reshape', shape: [24] },
  { type: 'batchNorm' },
  { type: 'layerNorm' },
];
const specs: Record<string, VaeSpec> = {
  norms: {
    input: [3, 4, 2],
    latent: 2,
    encoder: norms,
    decoder: [],
    posterior: 'isotropic',
    likelihood: { type: 'laplace', scale: 'per-pixel' },
  },
};
const inputs: Record<PresetName, number[]> = {
  dense: [4, 5, 3],
  conv: [8, 12, 3],
  'conv-residual': [8, 4, 1],
  'world-models': [64, 64, 3],
};
for (const [name, input] of Object.entries(inputs) as [PresetName, number[]][])
  specs[name] = presets[name]({ input });

for (const [name, spec] of Object.entries(specs))
  test(`${name}: a file gives back every bit`, async () => {
    const model = new Model(completeSpec(spec));
    const random = new TestRandom(3);
    const { set, state } = model.weights;
    const filled = ({ length, entries }: typeof set): Float32Array => {
      const flat = new Float32Array(length); // the gaps between tensors stay zero
      for (const { offset, shape } of entries)
        flat.set(
          Float32Array.from({ length: elementCount(shape) }, () => random.uniform() - 0.5),
          offset,
        );
      return flat;
    };
    const values = { weights: filled(set), state: filled(state) };
    const read = modelValues(model, (await readModelFile(await writeModelFile(model, values))).tensors);
    expect(Buffer.from(read.weights.buffer).equals(Buffer.from(values.weights.buffer))).toBe(true);
    expect(Buffer.from(read.state.buffer).equals(Buffer.from(values.state.buffer))).toBe(true);
  });

/** The modules that have tensors in a file. */
function modulesOf(spec: VaeSpec): string[] {
  const { weights } = new Model(completeSpec(spec));
  const names = [...weights.fileTensors(), ...weights.stateTensors()].map(({ layout }) => layout.name);
  return [...new Set(names.map((name) => name.replace(/\.[^.]+$/, '')))].toSorted();
}

test('names count every module: paddings, activations, pixel shuffles, crops, flattening', () => {
  const conv = { type: 'conv', channels: 4, kernel: 2 } as const; // `same` pads one side: a ZeroPad2d before it
  const spec: VaeSpec = {
    input: [4, 4, 1],
    latent: 2,
    encoder: [
      { ...conv, activation: 'relu' }, // ZeroPad2d, encoder.1, ReLU
      { type: 'residual', layers: [conv], activation: 'relu' }, // encoder.3, ReLU
      { type: 'maxPool', kernel: 2 }, // 5
      { type: 'batchNorm' }, // encoder.6
      { type: 'dense', units: 8 }, // Flatten, encoder.8
    ],
    decoder: [
      { type: 'dense', units: 4 }, // decoder.0
      { type: 'dropout', rate: 0.1 }, // 1
      { type: 'reshape', shape: [2, 2, 1] }, // 2
      { type: 'deconv', channels: 1, kernel: 3, padding: 2, crop: [4, 4], activation: 'relu' }, // decoder.3 to 6
      { type: 'upsample', factor: 1 }, // 7
      { type: 'activation', activation: 'relu' }, // 8
      { type: 'groupNorm', groups: 1 }, // decoder.9
      { type: 'dense', units: 3 }, // Flatten, decoder.11; the output layer is decoder.12
    ],
  };
  expect(modulesOf(spec)).toEqual([
    'decoder.0',
    'decoder.11',
    'decoder.12',
    'decoder.3',
    'decoder.9',
    'encoder.1',
    'encoder.3.layers.1',
    'encoder.6',
    'encoder.8',
    'log_variance',
    'mean',
  ]);
});

test('a scale a pixel lies in the order (channel, row, column)', () => {
  const { weights } = new Model(completeSpec(specs['norms']!));
  const scale = weights.fileTensors().find(({ layout }) => layout.name === 'likelihood.log_scale')!;
  expect(scale.layout.shape).toEqual([24]);
  expect(placesOf(scale.layout)).toEqual(placesOf(layouts.vectorLayout('', [3, 4, 2])));
});
