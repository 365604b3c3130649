/**
 * Plan: files that Node wrote, read in a page with the built library, and the other way round.
 * | file     | truth                                  | cases                                                     |
 * | lossy    | Node's latents, to the number          | tables of the model, tables in the file; the page's bytes |
 * |          | Node's images, to a rounding           | the same bytes of a picture                               |
 * | lossless | the data, or a refusal that says why   | the same adapter decodes; another one must refuse         |
 */
import { expect, test } from '@playwright/test';
import { loadImages } from '../../src/node/data.js';
import {
  binarized,
  compress,
  compressLossless,
  decompress,
  readLatents,
} from '../../src/vae/coding/index.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { denseSpec } from '../../src/vae/presets.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { useTab } from '../site/tab.js';
import { lossySpecOf } from '../lossy-spec.js';

const shape = { input: [8, 8, 1], hidden: 32, latent: 6 } as const;
const lossySpec = lossySpecOf(shape);

const tab = useTab();
let data: Dataset;

test.beforeAll(async () => {
  const { rows, shape: size, values } = await loadImages('fashion', 'train', { limit: 40, size: [8, 8] });
  data = { rows, shape: size, values };
});

async function trained(spec: typeof lossySpec | ReturnType<typeof denseSpec>, on: Dataset): Promise<Vae> {
  const vae = await Vae.create(spec, { device: await nodeDevice() });
  await vae.train(on, { epochs: 20, batchSize: 20, learningRate: 0.005 });
  return vae;
}

test('a page reads the latents and the pictures that Node reads, and writes its bytes', async () => {
  const vae = await trained(lossySpec, data);
  const inside = (await compress(vae, data, { embedTables: true })).bytes;
  const { bytes } = await compress(vae, data);
  const model = await vae.save();
  const inPage = await tab.page.evaluate(
    async ([weights, file, withTables, pixels]) => {
      const { library, coding } = globalThis.site;
      const loaded = await library.Vae.load(Uint8Array.from(weights));
      const read = await coding.readLatents(loaded, Uint8Array.from(file));
      const other = await coding.readLatents(loaded, Uint8Array.from(withTables));
      const images = await coding.decompress(loaded, Uint8Array.from(file));
      const written = await coding.compress(loaded, {
        rows: 40,
        shape: [8, 8, 1],
        values: Uint8Array.from(pixels),
      });
      loaded.destroy();
      return {
        latents: [...read.latents],
        other: [...other.latents],
        images: [...images.values],
        bytes: [...written.bytes],
      };
    },
    [[...model], [...bytes], [...inside], [...data.values]] as const,
  );
  const { latents } = await readLatents(vae, bytes);
  expect(new Set(latents).size, 'latents differ').toBeGreaterThan(3);
  expect(inPage.latents).toEqual([...latents]);
  expect(inPage.other).toEqual([...latents]);
  const images = (await decompress(vae, bytes)).values;
  const apart = inPage.images.map((value, i) => Math.abs(value - images[i]!));
  expect(Math.max(...apart)).toBeLessThan(1e-5); // two adapters at most: rounding of one small network
  // The encoder is float: another adapter may round a latent the other way, and the page's file is another then.
  const again = await readLatents(vae, Uint8Array.from(inPage.bytes));
  const moved = again.latents.filter((value, i) => value !== latents[i]).length;
  expect(moved).toBeLessThanOrEqual(2);
  test
    .info()
    .annotations.push({ type: 'same file', description: `${moved} of ${latents.length} latents differ` });
  vae.destroy();
});

test('a page gives the data of a lossless file, or says why it cannot', async () => {
  const binary = binarized(data);
  const vae = await trained(denseSpec(shape), binary);
  const { bytes } = await compressLossless(vae, binary);
  const inPage = await tab.page.evaluate(
    async ([weights, file]) => {
      const { library, coding } = globalThis.site;
      const loaded = await library.Vae.load(Uint8Array.from(weights));
      try {
        return [...(await coding.decompressLossless(loaded, Uint8Array.from(file))).values];
      } catch (error) {
        return String(error);
      } finally {
        loaded.destroy();
      }
    },
    [[...(await vae.save())], [...bytes]] as const,
  );
  if (typeof inPage === 'string')
    expect(inPage).toMatch(/was made where the networks gave .+ decode it on the adapter/);
  else expect(inPage).toEqual([...binary.values]);
  test
    .info()
    .annotations.push({ type: 'lossless', description: typeof inPage === 'string' ? inPage : 'decoded' });
  vae.destroy();
});
