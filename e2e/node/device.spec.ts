/**
 * Plan: what happens when the device is missing, lost, full, or misused. Every case ends in an error that names the
 * cure, within the test's time, and never in made-up numbers. Axes of loss: what was going on (a running loop, steps
 * not yet read, an evaluation, inference, a save, nothing) and whether it comes before the call or during it.
 */
import { expect, test } from '@playwright/test';
import { Device } from '../../src/gpu/device.js';
import { DeviceError, OutOfMemoryError, ShaderError } from '../../src/gpu/errors.js';
import { denseSpec } from '../../src/vae/presets.js';
import { Vae } from '../../src/vae/vae.js';
import { freshDevice, nodeDevice } from '../node-device.js';
import { seededData } from '../seeded-run.js';

const spec = denseSpec({ input: [6, 6, 1], hidden: 8, latent: 2 });

/** Long enough for any call here; a promise that is still open then hangs. */
const PATIENCE_MS = 20_000;

/** The error a call ends in. @throws Error when it gave a value or never ended */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  const hung = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, 'hung').unref());
  const outcome = await Promise.race([
    call.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
    hung,
  ]);
  if (typeof outcome === 'object' && outcome && 'error' in outcome) return outcome.error;
  throw new Error(`expected an error; the call gave ${JSON.stringify(outcome)}`);
}

test.describe('no device', () => {
  const advice = /use a browser with WebGPU .* in Node use webgpu-vae\/node/;

  test('no adapter', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    const error = await errorOf(Device.open({ gpu }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toMatch(/\[device\] no WebGPU adapter was found; /);
    expect(String(error)).toMatch(advice);
  });

  test('no WebGPU at all', async () => {
    const error = await errorOf(Vae.create(spec)); // Node has no navigator.gpu
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toMatch(/\[device\] this environment has no WebGPU; /);
    expect(String(error)).toMatch(advice);
  });

  test('an adapter that refuses the device', async () => {
    const adapter = {
      limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
      features: new Set(),
      requestDevice: () => Promise.reject(new DOMException('adapter is "consumed"', 'OperationError')),
    };
    const gpu = { requestAdapter: async () => adapter } as unknown as GPU;
    const error = await errorOf(Device.open({ gpu }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toMatch(/consumed/);
  });
});

/** What may be going on when the device goes; each reads back its result, so each must end in a DeviceError. */
const activities: Record<string, (vae: Vae) => Promise<unknown>> = {
  'train()': (vae) => vae.train(seededData, { epochs: 3, batchSize: 10 }),
  'evaluate()': (vae) => vae.evaluate(seededData, { batchSize: 10 }),
  'encode()': (vae) => vae.encode(new Float32Array(36 * 400)),
  'sample()': (vae) => vae.sample(400),
  'save()': (vae) => vae.save(),
};

const lost = /the GPU device is lost \(destroyed.*\); open a new one and load the last checkpoint/;

/** Destroys the GPUDevice as soon as its nth submit was made; returns the submits so far. */
function loseAfterSubmit({ gpu }: Device, nth: number): { readonly count: number } {
  const submit = gpu.queue.submit.bind(gpu.queue);
  let count = 0;
  const value = (buffers: Iterable<GPUCommandBuffer>): undefined => {
    submit(buffers);
    if (++count === nth) gpu.destroy();
  };
  Object.defineProperty(gpu.queue, 'submit', { value });
  return {
    get count() {
      return count;
    },
  };
}

/** Runs `act` on a device that is lost after its nth submit; `count` tells whether it came to that. */
async function loseDuring(
  act: (vae: Vae) => Promise<unknown>,
  nth: number,
): Promise<{ device: Device; vae: Vae; error: unknown; count: number }> {
  const device = await freshDevice();
  const vae = await Vae.create(spec, { device });
  const losing = loseAfterSubmit(device, nth);
  const error = await act(vae).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { device, vae, error, count: losing.count };
}

test.describe('a lost device', () => {
  for (const [name, act] of Object.entries(activities)) {
    test(`before ${name}`, async () => {
      const device = await freshDevice();
      const vae = await Vae.create(spec, { device });
      device.gpu.destroy();
      await device.lost;
      const error = await errorOf(act(vae));
      expect(error).toBeInstanceOf(DeviceError);
      expect(String(error)).toMatch(lost);
      vae.destroy();
      expect(device.liveByteLength).toBe(0);
    });

    test(`while ${name} compiles or starts`, async () => {
      const device = await freshDevice();
      const vae = await Vae.create(spec, { device });
      const call = act(vae);
      device.gpu.destroy();
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(DeviceError);
      vae.destroy();
      await device.lost;
      expect(device.liveByteLength).toBe(0);
    });

    test(`after each submit of ${name}`, async () => {
      const clean = await freshDevice();
      const counter = loseAfterSubmit(clean, 0);
      await act(await Vae.create(spec, { device: clean }));
      clean.destroy();
      const submits = [...new Set([1, 2, counter.count])].filter((nth) => nth <= counter.count);
      for (const wanted of submits) {
        // A slower run reads its terms more often and submits more; a faster one may end before the wanted submit.
        let nth = wanted;
        let { device, vae, error, count } = await loseDuring(act, nth);
        while (count < nth) {
          nth = count;
          ({ device, vae, error, count } = await loseDuring(act, nth));
        }
        expect(error, `submit ${nth} of ${counter.count}`).toBeInstanceOf(DeviceError);
        expect(String(error), `submit ${nth} of ${counter.count}`).toMatch(lost);
        vae.destroy();
        await Promise.resolve();
        expect(device.liveByteLength).toBe(0);
      }
    });
  }

  test('in the midst of a loop of steps that nobody reads', async () => {
    const device = await freshDevice();
    const vae = await Vae.create(spec, { device });
    const trainer = await vae.trainer(seededData, { batchSize: 10 });
    for (let step = 0; step < 20; step++) await trainer.step();
    device.gpu.destroy();
    const error = await errorOf(
      (async () => {
        for (let step = 0; step < 200; step++) await trainer.step();
      })(),
    );
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toMatch(lost);
    expect(String(await errorOf(trainer.terms()))).toMatch(lost);
    trainer.destroy();
    vae.destroy();
  });

  test('does not keep a new one from going on with the checkpoint', async () => {
    const first = await freshDevice();
    const vae = await Vae.create(spec, { device: first });
    await vae.train(seededData, { epochs: 1, batchSize: 10 });
    const bytes = await vae.save();
    first.gpu.destroy();
    await errorOf(vae.save());
    const again = await Vae.load(bytes, { device: await nodeDevice() });
    expect(await again.save()).toEqual(bytes);
    again.destroy();
  });
});

test.describe('out of memory', () => {
  test('over the byte budget: the numbers are named and the device stays usable', async () => {
    const device = await freshDevice();
    const vae = await Vae.create(spec, { device });
    const live = device.liveByteLength;
    device.byteBudget = live + 1000;
    const error = await errorOf(vae.train(seededData, { epochs: 1, batchSize: 10 }));
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(String(error)).toBe(
      `OutOfMemoryError: [train/dataset] needs 1800 bytes with ${live} live; the budget is ${live + 1000}; ` +
        'use a smaller batch or raise byteBudget',
    );
    expect(device.liveByteLength).toBe(live);
    device.byteBudget = 2 ** 30;
    await vae.train(seededData, { epochs: 1, batchSize: 10 });
    device.destroy();
  });

  test('over the limit of one buffer: both numbers are named', async () => {
    const device = await freshDevice();
    const { maxBufferSize } = device.gpu.limits;
    expect(() => device.createBuffer('test', maxBufferSize + 4, GPUBufferUsage.STORAGE)).toThrow(
      `[test] needs a buffer of ${maxBufferSize + 4} bytes; this device allows ${maxBufferSize}; use a smaller batch, a smaller model or less data`,
    );
    expect(device.liveByteLength).toBe(0);
    device.destroy();
  });

  test('refused by the GPU: the numbers are named and the device stays usable', async () => {
    const device = await freshDevice();
    device.byteBudget = Number.POSITIVE_INFINITY;
    const { maxBufferSize } = device.gpu.limits;
    // SwiftShader refuses the first; a GPU would refuse after as many as its memory holds, which takes long.
    test.skip(!device.adapterClass.startsWith('software'), 'a real GPU would have to be filled first');
    device.createBuffer('huge', maxBufferSize, GPUBufferUsage.STORAGE);
    const error = await errorOf(device.settled());
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(String(error)).toMatch(
      new RegExp(
        `\\[huge\\] the GPU refused ${maxBufferSize} bytes with ${maxBufferSize} live: .*; use a smaller batch`,
        's',
      ),
    );
    expect(device.liveByteLength).toBe(0);
    const vae = await Vae.create(spec, { device });
    await vae.train(seededData, { epochs: 1, batchSize: 10 });
    device.destroy();
  });
});

/** Asks for a usage that WebGPU forbids; the error reaches only the event. */
function provoke({ gpu }: Device): void {
  gpu.createBuffer({
    label: 'forbidden',
    size: 16,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE,
  });
}

test.describe('a WebGPU error that nothing caught', () => {
  test('surfaces in the next call', async () => {
    const device = await freshDevice();
    const vae = await Vae.create(spec, { device });
    const event = new Promise((resolve) =>
      device.gpu.addEventListener('uncapturederror', resolve, { once: true }),
    );
    provoke(device);
    await event;
    for (const call of [vae.save(), vae.train(seededData, { epochs: 1, batchSize: 10 }), vae.sample(1)]) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(ShaderError);
      expect(String(error)).toMatch(/\[device\] uncaptured WebGPU error: .*forbidden/s);
    }
    device.destroy();
  });

  test('made during training ends the training', async () => {
    const device = await freshDevice();
    const vae = await Vae.create(spec, { device });
    const options = { epochs: 100, batchSize: 10, onEpoch: () => provoke(device) };
    expect(await errorOf(vae.train(seededData, options))).toBeInstanceOf(ShaderError);
    device.destroy();
  });

  test('after destroy() a borrowed device is no longer listened to', async () => {
    const owner = await freshDevice();
    const device = Device.borrow(owner.gpu);
    device.destroy();
    const event = new Promise((resolve) =>
      owner.gpu.addEventListener('uncapturederror', resolve, { once: true }),
    );
    provoke(device);
    await event;
    expect(() => device.check()).not.toThrow();
    owner.destroy();
  });
});
