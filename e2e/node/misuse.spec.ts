/**
 * Plan: objects used at the wrong time. Every call of a destroyed model and a step of a destroyed trainer say so and
 * leave a shared device usable; a fed trainer refuses batches that do not fit and steps without one; steps whose
 * terms nobody reads stop before the ring overflows.
 */
import { expect, test } from '@playwright/test';
import { ShapeError, VaeError } from '../../src/gpu/errors.js';
import { denseSpec } from '../../src/vae/presets.js';
import { Vae } from '../../src/vae/vae.js';
import { freshDevice, nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';
import { errorOf } from '../refused.js';

const spec = denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 });

test.describe('after destroy()', () => {
  const calls: Record<string, (vae: Vae) => unknown> = {
    train: (vae) => vae.train(seededData, { epochs: 1, batchSize: 2 }),
    trainer: (vae) => vae.trainer(seededData, { batchSize: 2 }),
    evaluate: (vae) => vae.evaluate(seededData),
    encode: (vae) => vae.encode(new Float32Array(36)),
    sample: (vae) => vae.sample(1),
    save: (vae) => vae.save(),
  };
  for (const [name, call] of Object.entries(calls))
    test(`${name}() says so, and the shared device works on`, async () => {
      const device = await freshDevice();
      const vae = await Vae.create(spec, { device });
      vae.destroy();
      const error = (await errorOf(() => call(vae))) as Error;
      expect(error).toBeInstanceOf(VaeError);
      expect(error.message).toMatch(/destroyed/);
      const other = await Vae.create(spec, { device });
      expect(await other.sample(1)).toHaveLength(36);
      device.destroy();
    });

  test('a destroyed trainer says so, and the shared device works on', async () => {
    const device = await freshDevice();
    const vae = await Vae.create(spec, { device });
    const trainer = await vae.trainer(seededData, { batchSize: 2 });
    trainer.destroy();
    const error = (await errorOf(async () => {
      await trainer.step();
      return trainer.terms();
    })) as Error;
    expect(error).toBeInstanceOf(VaeError);
    expect(error.message).toMatch(/destroyed/);
    expect(await vae.sample(1)).toHaveLength(36);
    device.destroy();
  });
});

test.describe('a fed trainer', () => {
  const batches: Record<string, { batch: unknown; error: typeof VaeError; says: string | RegExp }> = {
    'no batch': { batch: undefined, error: VaeError, says: /step\(\).*batch|batch.*step\(\)/ },
    'rows of another length': {
      batch: { x: new Float32Array(71), noise: new Float32Array(4) },
      error: ShapeError,
      says: "[train] input 'x' has 71 values; expected 72",
    },
    'too little noise': {
      batch: { x: new Float32Array(72), noise: new Float32Array(3) },
      error: ShapeError,
      says: "[train] input 'noise' has 3 values; expected 4",
    },
  };
  for (const [name, { batch, error: kind, says }] of Object.entries(batches))
    test(name, async () => {
      const vae = await Vae.create(spec, { device: await nodeDevice() });
      const trainer = await vae.trainer(undefined, { batchSize: 2 });
      const error = (await errorOf(async () => {
        await trainer.step(batch as undefined);
        return trainer.terms();
      })) as Error;
      expect(error.message).toMatch(says);
      expect(error).toBeInstanceOf(kind);
      trainer.destroy();
      vae.destroy();
    });

  test('256 steps that nobody reads', async () => {
    const vae = await Vae.create(spec, { device: await nodeDevice() });
    const trainer = await vae.trainer(seededData, { batchSize: 2 });
    const error = (await errorOf(async () => {
      for (let step = 0; step < 300; step++) await trainer.step();
    })) as Error;
    expect(error.message).toBe('[trainer] 256 steps have unread terms; call terms() at least that often');
    expect(await trainer.terms()).toHaveLength(256);
    await trainer.step();
    expect((await trainer.terms())[0]!.step).toBe(256);
    trainer.destroy();
    vae.destroy();
  });
});

test('an option that does not exist is refused, and the one that is near is named', async () => {
  const device = await nodeDevice();
  const vae = await Vae.create(spec, { device });
  const mistyped = { epochs: 1, batchSize: 2, learning_rate: 1e-2 };
  const calls: readonly (readonly [call: () => unknown, message: RegExp])[] = [
    [
      () => vae.train(seededData, mistyped),
      /^\[train\] has no option 'learning_rate'; .*; is learningRate meant\?$/,
    ],
    [
      () => vae.trainer(seededData, { batch: 2 } as object),
      /^\[trainer\] has no option 'batch'; .*; is batchSize meant\?$/,
    ],
    [
      () => Vae.create(spec, { device, sead: 1 } as object),
      /^\[create\] has no option 'sead'; it has device, seed, layers, objectives$/,
    ],
    [async () => Vae.load(await vae.save(), device.gpu as object), /^\[load\] has no option /],
    [
      () => vae.train(seededData, 3 as unknown as { epochs: number }),
      /^\[train\] got 3 for its options; expected an object$/,
    ],
  ];
  for (const [call, message] of calls)
    expect(((await errorOf(async () => call())) as Error).message).toMatch(message);
  vae.destroy();
});
