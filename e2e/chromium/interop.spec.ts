/**
 * Plan: device in, GPU out, in a real browser, on the library as it is published.
 * - decoding into a texture of a borrowed device: no buffer is mapped, the texture holds the images, frames a second are
 *   printed, and the device outlives everything;
 * - each kind of picture (ImageData, ImageBitmap, canvas, OffscreenCanvas, VideoFrame, img, see-through) gives the
 *   numbers of `fromPixels`;
 * - a canvas in the page and an OffscreenCanvas show what the model gives;
 * - the script-tag build trains in a page without modules.
 */
import { expect, test } from '@playwright/test';
import { resolve } from 'node:path';
import { canvasLaunch, countMaps, openGpuPage } from '../browser.js';
import { useTab } from '../site/tab.js';

test.use({ launchOptions: canvasLaunch });

const tab = useTab(countMaps);

test('decodes into a texture of a borrowed device without reading back (frames printed)', async () => {
  const result = await tab.page.evaluate(async () => {
    const { convSpec, Device, Vae, requiredLimits } = globalThis.site.library;
    const { gpuDecoder, ImageWriter } = globalThis.site.interop;
    const spec = convSpec({ input: [28, 28, 1], latent: 16 });
    const rows = 4;
    const adapter = (await navigator.gpu.requestAdapter())!;
    const gpu = await adapter.requestDevice({ requiredLimits: requiredLimits(spec, rows) });
    const device = Device.borrow(gpu);
    const vae = await Vae.create(spec, { device, seed: 1 });
    const decoder = await gpuDecoder(vae, { rows });
    const writer = await ImageWriter.create(device, { shape: spec.input, rows, columns: 2 });
    const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_SRC;
    const texture = gpu.createTexture({ size: [56, 56], format: 'rgba8unorm', usage });
    const z = Float32Array.from({ length: rows * 16 }, (_, i) => Math.sin(i));
    const frames = 60;
    const mapsBefore = globalThis.mapCount;
    const started = performance.now();
    for (let frame = 0; frame < frames; frame++) {
      gpu.queue.writeBuffer(decoder.input, 0, z);
      const encoder = gpu.createCommandEncoder();
      decoder.record(encoder);
      writer.record(encoder, decoder.output, texture);
      gpu.queue.submit([encoder.finish()]);
      await gpu.queue.onSubmittedWorkDone();
    }
    const framesPerSecond = (1000 * frames) / (performance.now() - started);
    const mapsOfFrames = globalThis.mapCount - mapsBefore;

    const expected = [...(await vae.decode(z))];
    const mapsOfReadBack = globalThis.mapCount - mapsBefore - mapsOfFrames; // control: the counter counts
    const staging = gpu.createBuffer({
      size: 256 * 56,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const copy = gpu.createCommandEncoder();
    copy.copyTextureToBuffer({ texture }, { buffer: staging, bytesPerRow: 256 }, [56, 56]);
    gpu.queue.submit([copy.finish()]);
    for (const owner of [decoder, writer, vae, device]) owner.destroy();
    await staging.mapAsync(GPUMapMode.READ);
    const bytes = new Uint8Array(staging.getMappedRange()).slice();
    let lost = '';
    void gpu.lost.then(({ reason }) => (lost = reason));
    await Promise.resolve();
    const wasAlive = lost === '';
    gpu.destroy();
    return {
      framesPerSecond,
      mapsOfFrames,
      mapsOfReadBack,
      wasAlive,
      liveByteLength: device.liveByteLength,
      bytes: Array.from({ length: 56 }, (_, y) => [...bytes.subarray(256 * y, 256 * y + 4 * 56)]).flat(),
      expected,
    };
  });
  test.info().annotations.push({
    type: 'figure',
    description: `4 images of 28x28 decoded into a texture: ${result.framesPerSecond.toFixed(0)} frames/s, ${result.mapsOfFrames} calls of mapAsync`,
  });
  expect(result).toMatchObject({ mapsOfFrames: 0, mapsOfReadBack: 1, wasAlive: true, liveByteLength: 0 });
  expect(gridError(result.bytes, result.expected, 28)).toBeLessThanOrEqual(0.51);
  expect(
    Math.max(...result.expected) - Math.min(...result.expected),
    'the images have structure',
  ).toBeGreaterThan(0.01);
});

/** The largest difference, in steps of a byte, of RGBA pixels from four grey images, two beside each other. */
function gridError(pixels: readonly number[], images: readonly number[], side: number): number {
  let worst = 0;
  for (let y = 0; y < 2 * side; y++)
    for (let x = 0; x < 2 * side; x++) {
      const image = 2 * Math.floor(y / side) + Math.floor(x / side);
      const grey = 255 * images[(image * side + (y % side)) * side + (x % side)]!;
      for (let c = 0; c < 3; c++)
        worst = Math.max(worst, Math.abs(pixels[4 * (2 * side * y + x) + c]! - grey));
    }
  return worst;
}

test('every kind of picture gives the numbers of fromPixels', async () => {
  const errors = await tab.page.evaluate(async () => {
    const { Device, fromPixels } = globalThis.site.library;
    const { ImageReader } = globalThis.site.interop;
    const device = await Device.open();
    const { gpu } = device;
    const [width, height] = [40, 30];
    /** Opaque colours, or a see-through one whose bytes survive a canvas, which premultiplies. */
    const pixels = (opaque: boolean): ImageData => {
      const image = new ImageData(width, height);
      for (let i = 0; i < image.data.length; i++) {
        const isAlpha = i % 4 === 3;
        image.data[i] = isAlpha
          ? opaque
            ? 255
            : (i >> 2) % 2 === 0
              ? 0
              : 255
          : (i * 37 + (i >> 5) * 11) & 255;
      }
      return image;
    };
    const canvasOf = (image: ImageData): OffscreenCanvas => {
      const canvas = new OffscreenCanvas(width, height);
      canvas.getContext('2d')!.putImageData(image, 0, 0);
      return canvas;
    };
    const opaque = pixels(true);
    const onPage = document.createElement('canvas');
    [onPage.width, onPage.height] = [width, height];
    onPage.getContext('2d')!.putImageData(opaque, 0, 0);
    const frame = new VideoFrame(opaque.data, {
      format: 'RGBA',
      codedWidth: width,
      codedHeight: height,
      timestamp: 0,
    });
    const sources: [string, ImageData, import('../../src/vae/interop/index.js').ImageSource][] = [
      ['ImageData', opaque, opaque],
      ['ImageData, see-through', pixels(false), pixels(false)],
      ['ImageBitmap', opaque, await createImageBitmap(opaque)],
      [
        'ImageBitmap, see-through',
        pixels(false),
        await createImageBitmap(pixels(false), { premultiplyAlpha: 'none' }),
      ],
      ['canvas', opaque, onPage],
      ['OffscreenCanvas', opaque, canvasOf(opaque)],
      ['VideoFrame', opaque, frame],
    ];
    const results: Record<string, number> = {};
    for (const shape of [
      [30, 40, 3],
      [12, 12, 1],
      [50, 61, 3],
    ] as [number, number, 1 | 3][]) {
      const reader = await ImageReader.create(device, shape);
      const size = 4 * shape[0] * shape[1] * shape[2];
      for (const [name, original, source] of sources) {
        const target = gpu.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
        const staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
        const encoder = gpu.createCommandEncoder();
        reader.record(encoder, source, target);
        encoder.copyBufferToBuffer(target, 0, staging, 0, size);
        gpu.queue.submit([encoder.finish()]);
        await staging.mapAsync(GPUMapMode.READ);
        const actual = new Float32Array(staging.getMappedRange());
        const { values } = fromPixels([original], shape);
        const worst = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0);
        results[`${name} as ${shape.join('x')}`] = worst;
        staging.destroy();
        target.destroy();
      }
      reader.destroy();
    }
    frame.close();
    device.destroy();
    return results;
  });
  expect(Object.keys(errors)).toHaveLength(21);
  for (const [name, error] of Object.entries(errors)) {
    // a video frame's colours may pass another colour space; the others are bytes that arrive as they are
    expect(error, name).toBeLessThan(name.startsWith('VideoFrame') ? 1.5 / 255 : 2e-6);
  }
});

test('a canvas of the page and an OffscreenCanvas show what the model gives', async () => {
  const results = await tab.page.evaluate(async () => {
    const { denseSpec, Vae } = globalThis.site.library;
    const { ModelCanvas } = globalThis.site.interop;
    const vae = await Vae.create(denseSpec({ input: [6, 6, 1], hidden: 24, latent: 3 }), { seed: 2 });
    const z = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const ones = new ImageData(6, 6);
    ones.data.fill(255);
    const rows = [
      await vae.decode(z),
      await vae.sample(4, { seed: 3 }),
      await vae.reconstruct(new Float32Array(4 * 36).fill(1)),
    ].map((values) => [...values]);
    const shown: number[][] = [];
    for (const canvas of [document.createElement('canvas'), new OffscreenCanvas(1, 1)]) {
      const drawn = await ModelCanvas.create(vae, canvas, { rows: 4, columns: 2 });
      const copy = new OffscreenCanvas(12, 12).getContext('2d')!;
      const pixels = (): number[] => {
        copy.drawImage(canvas, 0, 0); // in the task that drew, while the canvas still has its texture
        return [...copy.getImageData(0, 0, 12, 12).data];
      };
      for (const draw of [
        () => drawn.decode(z),
        () => drawn.sample({ seed: 3 }),
        () => drawn.reconstruct(ones, ones, ones, ones),
      ]) {
        await draw();
        shown.push(pixels());
      }
      drawn.destroy();
    }
    vae.destroy();
    return { shown, rows };
  });
  results.shown.forEach((picture, index) =>
    expect(gridError(picture, results.rows[index % 3]!, 6), `picture ${index}`).toBeLessThanOrEqual(0.51),
  );
});

test('one code of two latents is drawn, though buffers have room for four values', async () => {
  const results = await tab.page.evaluate(async () => {
    const { denseSpec, Vae } = globalThis.site.library;
    const { gpuDecoder, ModelCanvas } = globalThis.site.interop;
    const vae = await Vae.create(denseSpec({ input: [6, 6, 1], hidden: 24, latent: 2 }), { seed: 2 });
    const { gpu } = vae.device;
    const z = Float32Array.of(0.7, -1.3);
    const canvas = new OffscreenCanvas(1, 1);
    const drawn = await ModelCanvas.create(vae, canvas);
    const copy = new OffscreenCanvas(6, 6).getContext('2d')!;
    await drawn.decode(z);
    copy.drawImage(canvas, 0, 0);
    const short = await drawn.decode(z.subarray(1)).catch(String);
    const input = gpu.createBuffer({ size: 8, usage: GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
    new Float32Array(input.getMappedRange()).set(z);
    input.unmap();
    const output = gpu.createBuffer({
      size: 4 * 36,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const decoder = await gpuDecoder(vae);
    const encoder = gpu.createCommandEncoder();
    decoder.record(encoder, { input, output });
    gpu.queue.submit([encoder.finish()]);
    await output.mapAsync(GPUMapMode.READ);
    const recorded = [...new Float32Array(output.getMappedRange())];
    const decoded = [...(await vae.decode(z))];
    for (const made of [drawn, decoder, input, output, vae]) made.destroy();
    return { shown: [...copy.getImageData(0, 0, 6, 6).data], decoded, recorded, short };
  });
  expect(results.recorded).toEqual(results.decoded);
  results.decoded.forEach((value, i) =>
    expect(Math.abs(results.shown[4 * i]! - 255 * value)).toBeLessThanOrEqual(0.51),
  );
  expect(results.short).toContain('[canvas] got 1 values; expected 2, 1 rows of 2');
});

test('one script tag is enough', async ({ browser }) => {
  const own = await browser.newPage();
  await openGpuPage(own);
  await own.addScriptTag({ path: resolve(import.meta.dirname, '../../dist/webgpu-vae.global.js') });
  const result = await own.evaluate(async () => {
    const { Vae, denseSpec } = (globalThis as unknown as { webgpuVae: typeof globalThis.site.library })
      .webgpuVae;
    const vae = await Vae.create(denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 }));
    const values = Uint8Array.from({ length: 40 * 36 }, (_, i) => (i * 37) & 255);
    const { train } = await vae.train({ rows: 40, shape: [6, 6, 1], values }, { epochs: 1, batchSize: 10 });
    const sampled = await vae.sample(2);
    vae.destroy();
    return { isFinite: Number.isFinite(train.elbo), values: sampled.length };
  });
  expect(result).toEqual({ isFinite: true, values: 72 });
  await own.close();
});
