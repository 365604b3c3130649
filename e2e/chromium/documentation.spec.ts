/**
 * Plan: every TypeScript block of the README and of docs/, which is every one that is about a page, runs in a page under a
 * strict policy as it is printed, a block at a time, on the built library. What a page of the documentation takes for granted
 * (a device, a model, a canvas) is there under the names that it uses.
 */
import { expect, test } from '@playwright/test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { canvasLaunch } from '../browser.js';
import { pageExamples, projectRoot } from '../node/command-line.js';
import { useTab } from '../site/tab.js';

const documents = [
  'README.md',
  ...readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const blocks = documents.flatMap((name) =>
  pageExamples(name, 'ts').map((text, index) => ({ name: `${name}, block ${index + 1}`, text })),
);

/** The file beside the site's modules, so that `./my-worker.js` is one of them. */
const examplePath = '/e2e/site/example.js';

test.use({ launchOptions: canvasLaunch }); // blocks draw on canvases

const tab = useTab();

for (const { name, text } of blocks)
  test(name, async () => {
    const errors: string[] = [];
    tab.page.on('pageerror', (error) => errors.push(String(error)));
    const checkpoint = await tab.page.evaluate(setUp, text.includes('from'));
    const body = text.replaceAll(
      /from 'webgpu-vae\/?(\w*)'/g,
      (_, entry: string) => `from '/dist/${entry || 'index'}.js'`,
    );
    await tab.page.route(`**${examplePath}`, (route) =>
      route.fulfill({ contentType: 'text/javascript', body: `${body}\nglobalThis.finished = true;` }),
    );
    await tab.page.route('**/model.safetensors', (route) => route.fulfill({ body: Buffer.from(checkpoint) }));
    await tab.page.addScriptTag({ url: examplePath, type: 'module' });
    await expect
      .poll(async () => errors[0] ?? (await tab.page.evaluate(() => 'finished' in globalThis)), {
        timeout: 60_000,
      })
      .toBe(true);
    expect(await tab.page.evaluate(() => globalThis.site.violations)).toEqual([]);
    await tab.page.unrouteAll();
  });

test('there are such blocks', () => {
  expect(blocks.length).toBeGreaterThan(5);
});

/** In the page: what the documentation speaks of, and a model's file. `withData`: `images` are rows, not a buffer. */
async function setUp(withData: boolean): Promise<number[]> {
  const { library, interop, worker } = globalThis.site;
  const { denseSpec, Device, Vae } = library;
  const spec = denseSpec({ input: [8, 8, 1], hidden: 8, latent: 2 });
  const gpu = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const adapter = await navigator.gpu.requestAdapter(); // one gives one device
  const device = Device.borrow(gpu);
  const vae = await Vae.create(spec, { device });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = (numbers: number): GPUBuffer => gpu.createBuffer({ size: 4 * numbers, usage });
  const texture = gpu.createTexture({
    size: [8, 8],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING,
  });
  const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
  const video = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
  video.getContext('2d')!.fillRect(2, 2, 4, 4);
  const values = Float32Array.from({ length: 64 * 128 }, (_, i) => (i % 7) / 7);
  const images = withData ? { rows: 128, shape: [8, 8, 1], values } : buffer(16 * 64);
  const others = {
    onStep: () => undefined,
    keep: () => undefined,
    signal: new AbortController().signal,
    bar: {},
  };
  const encoder = gpu.createCommandEncoder();
  Object.assign(globalThis, library, interop, worker, others, { spec, adapter, gpu, device, vae, encoder });
  Object.assign(globalThis, { texture, canvas, video, images, latents: buffer(16 * 2) });
  return [...(await vae.save())];
}
