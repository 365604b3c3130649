/**
 * Plan: rows and pictures between the buffers and textures of an application, recorded into its own encoder.
 * | axis     | control                      | cases                                                                  |
 * | function | decoder, dense, 8 rows       | encoder, reconstructor, sampler; a condition; a posterior without a    |
 * |          |                              | variance; convolutions                                                 |
 * | against  | the same call with numbers   | same bits (the sampler: noise of the GPU instead of float64)           |
 * | picture  | RGBA bytes, its own size     | larger, smaller, cut; one pixel; see-through; a texture; one channel   |
 * | against  | `fromPixels`, float64        | error of the sums                                                      |
 * | format   | rgba8unorm, one image        | rgba16float, r32float; grids with empty cells; grey and colour         |
 * | device   | borrowed, as the caller's    | alive after everything is destroyed; mapAsync is never called          |
 */
import { expect, test } from '@playwright/test';
import { Device } from '../../src/gpu/device.js';
import { DataError, ShapeError, SpecError, type VaeError } from '../../src/gpu/errors.js';
import { readBuffer } from '../../src/gpu/readback.js';
import { fromPixels, type ImageShape, type Pixels } from '../../src/vae/data/image.js';
import {
  gpuDecoder,
  gpuEncoder,
  gpuReconstructor,
  gpuSampler,
  ImageReader,
  ImageWriter,
  type GpuFunction,
  type WritableFormat,
} from '../../src/vae/interop/index.js';
import { convSpec, denseSpec } from '../../src/vae/presets.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice, nodeGpu } from '../node-device.js';
import { fromValues, randomUniform } from '../reference/tensor.js';
import { dotTolerance } from '../tolerance.js';

const ROWS = 8; // as many as a plan of the calls with numbers
const dense = denseSpec({ input: [8, 8, 1], hidden: 24, latent: 3 });

const specs: Record<string, VaeSpec> = {
  dense,
  convolutions: convSpec({ input: [8, 8, 3], latent: 4 }),
  'a condition': { ...dense, condition: { classes: 3 } },
  'no variance': { ...dense, posterior: 'deterministic' },
  'a mixture prior': { ...dense, prior: { type: 'mixture', components: 4 } },
};
const labels = [0, 1, 2, 0, 1, 2, 0, 1];

function random(count: number, seed: number): Float32Array {
  return Float32Array.from(randomUniform([count], seed, 0, 1).values);
}

function buffer(device: Device, values: Float32Array): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const made = device.createBuffer('test', values.byteLength, usage);
  device.gpu.queue.writeBuffer(made, 0, values as Float32Array<ArrayBuffer>);
  return made;
}

async function numbers(device: Device, from: GPUBuffer, count: number): Promise<Float32Array> {
  return new Float32Array(await readBuffer(device, from, 0, 4 * count));
}

/** Submits what `record` records, as a caller would. */
function submit({ gpu }: Device, record: (encoder: GPUCommandEncoder) => void): void {
  const encoder = gpu.createCommandEncoder({ label: 'test' });
  record(encoder);
  gpu.queue.submit([encoder.finish()]);
}

/** What a function gives for the caller's buffer, copied into another one. */
async function through(
  device: Device,
  fn: GpuFunction,
  values: Float32Array,
  count: number,
): Promise<Float32Array> {
  const [input, output] = [buffer(device, values), buffer(device, new Float32Array(count))];
  submit(device, (encoder) => fn.record(encoder, { input, output }));
  const result = await numbers(device, output, count);
  expect(await numbers(device, fn.output, count)).toEqual(result);
  device.destroyBuffer(input);
  device.destroyBuffer(output);
  return result;
}

for (const [name, spec] of Object.entries(specs))
  test(`${name}: buffers give the bits of the calls with numbers`, async () => {
    const device = await nodeDevice();
    const vae = await Vae.create(spec, { device, seed: 2 });
    const { latent } = vae.spec;
    const { width } = vae.model;
    const given = spec.condition ? { labels } : {};
    const [x, z] = [random(ROWS * width, 1), random(ROWS * latent, 2)];
    const functions = {
      encode: await gpuEncoder(vae, { rows: ROWS }),
      decode: await gpuDecoder(vae, { rows: ROWS }),
      reconstruct: await gpuReconstructor(vae, { rows: ROWS }),
      sample: await gpuSampler(vae, { rows: ROWS }),
    };
    if (spec.condition) for (const fn of Object.values(functions)) fn.setLabels(labels);
    const { encode, decode, reconstruct, sample } = functions;

    const expected = await vae.encode(x, given);
    expect(await through(device, encode, x, ROWS * latent)).toEqual(expected.mean);
    if (expected.logVariance.length > 0)
      expect(await numbers(device, encode.logVariance, expected.logVariance.length)).toEqual(
        expected.logVariance,
      );
    else expect(() => encode.logVariance).toThrow(ShapeError);
    expect(await through(device, decode, z, ROWS * width)).toEqual(await vae.decode(z, given));
    expect(await through(device, reconstruct, x, ROWS * width)).toEqual(await vae.reconstruct(x, given));

    for (const seed of [undefined, 7]) {
      submit(device, (encoder) => sample.record(encoder, seed === undefined ? {} : { seed }));
      const drawn = await numbers(device, sample.output, ROWS * width);
      const wanted = await vae.sample(ROWS, { seed: seed ?? 0, ...given });
      const worst = drawn.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
      expect(worst, 'noise in float32').toBeLessThan(1e-5);
    }
    for (const fn of Object.values(functions)) fn.destroy();
    vae.destroy();
  });

test('a function runs with the weights as they are, and many times in one submit', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(dense, { device });
  const decode = await gpuDecoder(vae, { rows: 1 });
  const z = [random(3, 1), random(3, 2)];
  const inputs = z.map((values) => buffer(device, values));
  const outputs = z.map(() => buffer(device, new Float32Array(64)));
  await vae.train({ rows: 4, shape: [64], values: random(256, 3) }, { epochs: 2, batchSize: 4 });
  submit(device, (encoder) =>
    inputs.forEach((input, i) => decode.record(encoder, { input, output: outputs[i]! })),
  );
  for (const [i, output] of outputs.entries())
    expect(await numbers(device, output, 64)).toEqual(await vae.decode(z[i]!));
  for (const made of [...inputs, ...outputs]) device.destroyBuffer(made);
  decode.destroy();
  vae.destroy();
});

/** A picture of random RGBA bytes, opaque or not. */
function picture(width: number, height: number, opaque: boolean): Pixels {
  const values = randomUniform([width * height * 4], width * 100 + height, 0, 256).values;
  const data = Uint8ClampedArray.from(values, (value, i) =>
    opaque && i % 4 === 3 ? 255 : Math.floor(value),
  );
  return { width, height, data };
}

interface PictureRow {
  readonly size: readonly [width: number, height: number];
  readonly shape: ImageShape;
  readonly opaque?: boolean;
}

const pictures: readonly PictureRow[] = [
  { size: [16, 16], shape: [16, 16, 3] }, // control
  { size: [16, 16], shape: [16, 16, 1] },
  { size: [64, 48], shape: [12, 12, 3] },
  { size: [37, 61], shape: [9, 16, 1] },
  { size: [5, 7], shape: [31, 33, 3] },
  { size: [1, 1], shape: [4, 4, 1] },
  { size: [257, 3], shape: [8, 1, 3] },
  { size: [40, 30], shape: [10, 10, 3], opaque: false },
];

/** `actual` against fromPixels: a sum over both axes' taps, the luma, and the opacity. */
function expectPixels(actual: Float32Array, image: Pixels, shape: ImageShape): void {
  const { values } = fromPixels([image], shape);
  const taps = Math.ceil(image.width / shape[1]) + Math.ceil(image.height / shape[0]) + 10;
  const allowed = dotTolerance(taps, fromValues([values.length], new Float32Array(values.length).fill(1)));
  const excess = actual.map((value, i) => Math.abs(value - values[i]!) / allowed[i]!);
  expect(Math.max(...excess), 'error as a share of what is allowed').toBeLessThanOrEqual(1);
}

for (const { size, shape, opaque = true } of pictures)
  test(`a ${opaque ? '' : 'see-through '}picture of ${size.join('x')} becomes a row of ${shape.join('x')}`, async () => {
    const device = await nodeDevice();
    const [width, height] = size;
    const count = shape[0] * shape[1] * shape[2];
    const reader = await ImageReader.create(device, shape);
    const rows = buffer(device, new Float32Array(3 * count).fill(7));
    const image = picture(width, height, opaque);
    submit(device, (encoder) => reader.record(encoder, image, rows, 1));
    const values = await numbers(device, rows, 3 * count);
    expectPixels(values.slice(count, 2 * count), image, shape);
    expect(
      values.filter((value) => value === 7),
      'the other rows are left alone',
    ).toHaveLength(2 * count);
    reader.destroy();
    device.destroyBuffer(rows);
  });

test('rows of one submit are pictures of their own, and a row takes a picture of another size', async () => {
  const device = await nodeDevice();
  const shape: ImageShape = [6, 6, 3];
  const reader = await ImageReader.create(device, shape);
  const rows = buffer(device, new Float32Array(2 * 108));
  for (const sizes of [
    [8, 20],
    [8, 20],
    [13, 5],
  ] as const) {
    const images = sizes.map((side, i) => picture(side, side + i, true));
    submit(device, (encoder) => images.forEach((image, row) => reader.record(encoder, image, rows, row)));
    const values = await numbers(device, rows, 216);
    images.forEach((image, row) => expectPixels(values.slice(108 * row, 108 * (row + 1)), image, shape));
  }
  reader.destroy();
  device.destroyBuffer(rows);
});

/** The pixels of a texture, channels as they are stored. */
async function pixelsOf(device: Device, texture: GPUTexture): Promise<number[]> {
  const channels = texture.format === 'r32float' ? 1 : 4;
  const Values = { rgba8unorm: Uint8Array, rgba16float: Uint16Array, r32float: Float32Array }[
    texture.format as WritableFormat
  ];
  const bytesPerRow = 256 * Math.ceil((texture.width * channels * Values.BYTES_PER_ELEMENT) / 256);
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer('texture', bytesPerRow * texture.height, usage);
  submit(device, (encoder) =>
    encoder.copyTextureToBuffer({ texture }, { buffer: staging, bytesPerRow }, [
      texture.width,
      texture.height,
    ]),
  );
  const bytes = await readBuffer(device, staging, 0, staging.size);
  device.destroyBuffer(staging);
  return Array.from({ length: texture.height }, (_, y) => [
    ...new Values(bytes, y * bytesPerRow, texture.width * channels),
  ]).flat();
}

function makeTexture(device: Device, format: GPUTextureFormat, width: number, height: number): GPUTexture {
  const usage =
    GPUTextureUsage.STORAGE_BINDING |
    GPUTextureUsage.TEXTURE_BINDING |
    GPUTextureUsage.COPY_SRC |
    GPUTextureUsage.COPY_DST;
  return device.gpu.createTexture({ label: 'test', size: [width, height], format, usage });
}

/** IEEE half of a value in [0, 1], rounded to nearest even. */
function half(value: number): number {
  if (value < 2 ** -14) return roundEven(value * 2 ** 24);
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) + roundEven((value / 2 ** exponent - 1) * 1024);
}
function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

for (const format of ['rgba8unorm', 'rgba16float', 'r32float'] as const)
  for (const channels of [1, 3] as const)
    test(`a grid of ${channels === 1 ? 'grey' : 'colour'} images in ${format}`, async () => {
      const device = await nodeDevice();
      const [H, W, rows, columns] = [5, 7, 5, 3];
      const values = random(rows * H * W * channels, 11);
      const images = buffer(device, values);
      const writer = await ImageWriter.create(device, { shape: [H, W, channels], rows, columns, format });
      expect([writer.width, writer.height]).toEqual([21, 10]);
      const target = makeTexture(device, format, 24, 10);
      submit(device, (encoder) => writer.record(encoder, images, target));
      const stored = await pixelsOf(device, target);
      const encode = { rgba8unorm: (v: number) => 255 * v, rgba16float: half, r32float: (v: number) => v }[
        format
      ];
      // bytes and halves may be rounded either way; the texture is a little wider than the grid
      const tolerance = { rgba8unorm: 0.51, rgba16float: 1, r32float: 0 }[format];
      const width = format === 'r32float' ? 1 : 4;
      for (let y = 0; y < 10; y++)
        for (let x = 0; x < 24; x++) {
          const image = Math.floor(y / H) * columns + Math.floor(x / W);
          const at = ((image * H + (y % H)) * W + (x % W)) * channels;
          const isImage = x < 21 && image < rows;
          for (let c = 0; c < width; c++) {
            const value = c === 3 ? 1 : isImage ? values[at + (channels === 1 ? 0 : c)]! : 0;
            const expected = x >= 21 ? 0 : encode(value);
            const actual = stored[(y * 24 + x) * width + c]!;
            expect(
              Math.abs(actual - expected),
              `pixel ${x}, ${y}, ${c}: ${actual}, ${expected}`,
            ).toBeLessThanOrEqual(tolerance);
          }
        }
      target.destroy();
      writer.destroy();
      device.destroyBuffer(images);
    });

for (const [format, channels] of [
  ['rgba8unorm', 1],
  ['r32float', 1],
  ['r32float', 3],
] as const)
  test(`a texture of ${format} is read as a picture of ${channels} channels`, async () => {
    const device = await nodeDevice();
    const shape: ImageShape = [4, 4, 1];
    const values = random(16, 5).map((value) => Math.round(255 * value) / 255);
    const images = buffer(device, values);
    const [target, back] = [
      makeTexture(device, format, 4, 4),
      buffer(device, new Float32Array(16 * channels)),
    ];
    const writer = await ImageWriter.create(device, { shape, format });
    const reader = await ImageReader.create(device, [4, 4, channels]);
    submit(device, (encoder) => {
      writer.record(encoder, images, target);
      reader.record(encoder, target, back);
    });
    const read = await numbers(device, back, 16 * channels);
    expect(
      Math.max(...read.map((value, i) => Math.abs(value - values[Math.floor(i / channels)]!))),
    ).toBeLessThan(1e-6);
    reader.destroy();
    writer.destroy();
    submit(device, (encoder) => encoder.clearBuffer(back)); // the caller's texture and buffer are still there
    expect(await pixelsOf(device, target)).toHaveLength(format === 'r32float' ? 16 : 64);
    device.check();
    target.destroy();
    for (const made of [images, back]) device.destroyBuffer(made);
  });

test('decoding into a texture on a borrowed device maps nothing, and the device stays alive', async () => {
  const adapter = await (await nodeGpu()).requestAdapter();
  const gpu = await adapter!.requestDevice();
  const device = Device.borrow(gpu);
  const vae = await Vae.create(dense, { device });
  const decode = await gpuDecoder(vae, { rows: 4 });
  const writer = await ImageWriter.create(device, { shape: [8, 8, 1], rows: 4 });
  const target = makeTexture(device, 'rgba8unorm', 16, 16);
  let maps = 0;
  const createBuffer = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    const made = createBuffer(descriptor);
    if (descriptor.usage & GPUBufferUsage.MAP_READ) maps++;
    return made;
  };
  for (let frame = 0; frame < 3; frame++)
    submit(device, (encoder) => {
      decode.record(encoder);
      writer.record(encoder, decode.output, target);
    });
  await gpu.queue.onSubmittedWorkDone();
  expect(maps, 'buffers that could be read').toBe(0);
  expect(new Set(await pixelsOf(device, target)).size).toBeGreaterThan(2);
  for (const owner of [decode, writer, vae, device]) owner.destroy();
  expect(device.liveByteLength).toBe(0);
  expect(await Promise.race([gpu.lost, Promise.resolve('alive')])).toBe('alive');
  target.destroy();
  gpu.destroy();
});

test("a borrowed device's errors are ours only where they name something of ours", async () => {
  const gpu = await (await (await nodeGpu()).requestAdapter())!.requestDevice();
  const device = Device.borrow(gpu);
  const reported = (): Promise<unknown> =>
    new Promise((resolve) => gpu.addEventListener('uncapturederror', resolve, { once: true }));
  for (const label of ['the host', 'vae/test']) {
    const told = reported();
    gpu.createBuffer({ label, size: 16, usage: 0 }); // no usage is an error
    await told;
    if (label === 'the host') device.check();
    else expect(() => device.check()).toThrow(/uncaptured WebGPU error: [^]*vae\/test/);
  }
  device.destroy();
  gpu.destroy();
});

test('what does not fit is refused with its cure', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(dense, { device });
  const rows = buffer(device, new Float32Array(64));
  const target = makeTexture(device, 'rgba8unorm', 8, 8);
  const reader = await ImageReader.create(device, [8, 8, 1]);
  const writer = await ImageWriter.create(device, { shape: [8, 8, 1], rows: 4 });
  const decode = await gpuDecoder(vae, { rows: 2 });
  const encoder = device.gpu.createCommandEncoder({ label: 'test' });
  const image = picture(4, 4, true);
  const refused = (call: () => unknown, kind: typeof VaeError, message: RegExp): void => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  };
  refused(() => reader.record(encoder, image, rows, 1), ShapeError, /row is 1; the target holds 1 rows/);
  refused(() => reader.record(encoder, { ...image, width: 0 }, rows), DataError, /is 0x4; .*; wait until/);
  refused(
    () => reader.record(encoder, { ...image, width: 5 }, rows),
    DataError,
    /has 64 bytes; expected 80, RGBA/,
  );
  refused(
    () => writer.record(encoder, rows, target),
    ShapeError,
    /is rgba8unorm 8x8; expected rgba8unorm of at least 16x16/,
  );
  const large = makeTexture(device, 'rgba8unorm', 16, 16);
  refused(() => writer.record(encoder, rows, large), ShapeError, /the buffer has 256 bytes; expected 1024/);
  refused(
    () => decode.record(encoder, { input: device.createBuffer('short', 16, 4) }),
    ShapeError,
    /\[gpu decode: input\] the buffer has 16 bytes; expected 24/,
  );
  refused(
    () => decode.record(encoder, { output: rows }),
    ShapeError,
    /output\] the buffer has 256 bytes; expected 512/,
  );
  refused(() => decode.setLabels([0, 1]), SpecError, /got labels, and the model has no condition/);
  await expect(ImageReader.create(device, [64])).rejects.toThrow(
    /shape is \[64\]; expected \[height, width, channels\]/,
  );
  await expect(gpuDecoder(vae, { rows: 0 })).rejects.toThrow(/\[gpu decode\] rows is 0/);
  await expect(
    ImageWriter.create(device, { shape: [8, 8, 1], format: 'bgra8unorm' as WritableFormat }),
  ).rejects.toThrow(/format is bgra8unorm; kernels write rgba8unorm, rgba16float, r32float/);
  for (const owner of [target, large, reader, writer, decode, vae]) owner.destroy();
  device.destroyBuffer(rows);
});
