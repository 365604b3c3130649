/**
 * Plan: `webgpu-vae/worker` as it is published, on a page under a strict Content-Security-Policy.
 * - 20 training steps, and every call, give the bits of the main thread; so do the steps of a trainer, on data and fed;
 * - events, pause and resume, abort; errors keep class and message; moved arrays are empty here;
 * - a worker of the caller's own; one that does not load, has no WebGPU, is terminated, or loses its GPU process;
 * - a canvas handed to the worker shows decoded images; how long a page hangs while a worker trains is printed.
 */
import { chromium, expect, test, type Page } from '@playwright/test';
import { canvasLaunch, chromiumLaunch } from '../browser.js';
import { openSite } from '../site/server.js';
import { useTab } from '../site/tab.js';

test.use({ launchOptions: canvasLaunch });

const tab = useTab();
test.beforeEach(() => offerModel(tab.page));

declare global {
  var offered: {
    spec: import('../../src/index.js').VaeSpec;
    data: () => import('../../src/index.js').Dataset;
    z: Float32Array;
    /** What an error is, as plain data. */
    tell: (error: unknown) => { kinds: string[]; message: string };
  };
}

/** A small model of images, and 80 images for it. */
function offerModel(on: Page): Promise<void> {
  return on.evaluate(() => {
    const { denseSpec, ...library } = globalThis.site.library;
    globalThis.offered = {
      spec: denseSpec({ input: [6, 6, 1], hidden: 24, latent: 3 }),
      data: () => ({
        rows: 80,
        shape: [6, 6, 1],
        values: Uint8Array.from({ length: 80 * 36 }, (_, i) => (i * 37 + (i >> 4) * 101) & 255),
      }),
      z: Float32Array.from({ length: 4 * 3 }, (_, i) => Math.sin(i)),
      tell: (error) => ({
        kinds: Object.entries(library)
          .filter(
            ([name, kind]) => name.endsWith('Error') && error instanceof (kind as unknown as typeof Error),
          )
          .map(([name]) => name),
        message: (error as Error).message,
      }),
    };
  });
}

test('20 steps and every call give the bits of the main thread', async () => {
  const [inWorker, here] = await tab.page.evaluate(async () => {
    const { spec, data, z } = globalThis.offered;
    const options = { epochs: 5, batchSize: 20, learningRate: 0.01, seed: 5 };
    const rows = Float32Array.from(data().values.subarray(0, 5 * 36), (byte) => byte / 255);
    type Both = Pick<
      InstanceType<typeof globalThis.site.worker.WorkerVae>,
      | 'train'
      | 'encode'
      | 'decode'
      | 'sample'
      | 'sampleLatents'
      | 'reconstruct'
      | 'evaluate'
      | 'readWeights'
      | 'save'
      | 'spec'
      | 'parameterCount'
    >;
    const everything = async (vae: Both) => {
      const { steps, train } = await vae.train(data(), options);
      const { mean, logVariance } = await vae.encode(rows);
      const arrays = [
        await vae.readWeights(),
        await vae.save(),
        mean,
        logVariance,
        await vae.decode(z),
        await vae.sample(3, { seed: 4 }),
        await vae.sampleLatents(2),
        await vae.reconstruct(rows),
      ];
      return {
        steps,
        train,
        terms: await vae.evaluate(data(), { seed: 1 }),
        facts: [vae.spec, vae.parameterCount],
        arrays: arrays.map((array) => [
          array.constructor.name,
          ...new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
        ]),
      };
    };
    const worker = await globalThis.site.worker.openWorker();
    const remote = await worker.create(spec, { seed: 2 });
    const results = [await everything(remote)];
    await remote.destroy();
    worker.terminate();
    const vae = await globalThis.site.library.Vae.create(spec, { seed: 2 });
    results.push(await everything(vae));
    vae.destroy();
    return results;
  });
  expect(inWorker!.steps).toBe(20);
  expect(inWorker).toEqual(here);
  expect(inWorker!.arrays.every((array) => new Set(array).size > 3)).toBe(true);
});

test('a trainer that the page steps gives the bits of the main thread', async () => {
  const [inWorker, here] = await tab.page.evaluate(async () => {
    const { spec, data } = globalThis.offered;
    const options = { batchSize: 32, seed: 5, beta: { type: 'linear', from: 0, to: 1, steps: 4 } } as const;
    const batch = {
      x: Float32Array.from({ length: 32 * 36 }, (_, i) => (i % 5) / 4),
      noise: Float32Array.from({ length: 32 * 3 }, (_, i) => Math.cos(i)),
    };
    type Both = { trainer: InstanceType<typeof globalThis.site.worker.WorkerVae>['trainer'] };
    const everything = async (vae: Both, others: () => Promise<unknown>) => {
      let compiled = 0;
      const fed = await vae.trainer(undefined, { ...options, onCompile: (done) => (compiled = done) });
      await fed.step(batch);
      const ofFed = [await fed.terms(), [...(await fed.save())]];
      await fed.destroy();
      const trainer = await vae.trainer(data(), options);
      const before = trainer.stepCount;
      await Promise.all([trainer.step(), trainer.step()]);
      const times = await trainer.profile();
      const { stepCount, batchSize, stepsPerEpoch, dispatchesPerStep } = trainer;
      const checkpoint = await trainer.save({ note: 'mine' });
      const terms = await trainer.terms();
      await trainer.step();
      const saved = [...(await trainer.save())];
      await trainer.destroy();
      const resumed = await vae.trainer(data(), { resume: checkpoint });
      const { stepCount: from } = resumed;
      await resumed.step();
      const again = [...(await resumed.save())];
      await others();
      return {
        counts: [before, stepCount, from, batchSize, stepsPerEpoch, dispatchesPerStep],
        labels: times.map(({ label }) => label),
        arrays: [ofFed, terms, [...checkpoint], saved],
        isSame: again.join() === saved.join(),
        isCompiled: compiled > 0,
      };
    };
    const worker = await globalThis.site.worker.openWorker();
    const remote = await worker.create(spec, { seed: 2 });
    const results = [await everything(remote, () => remote.destroy())];
    worker.terminate();
    const vae = await globalThis.site.library.Vae.create(spec, { seed: 2 });
    results.push(await everything(vae as unknown as Both, async () => vae.destroy()));
    return results;
  });
  expect(inWorker).toEqual(here);
  expect(inWorker).toMatchObject({ isSame: true, isCompiled: true });
  expect(inWorker!.counts.slice(0, 5)).toEqual([0, 3, 3, 32, 3]);
  expect(inWorker!.labels.length).toBe(inWorker!.counts[5]);
});

test('a trainer moves batches where asked, ends with its model, and tells of errors as the main thread does', async () => {
  const { pairs, moved, schedule, ...rest } = await tab.page.evaluate(async () => {
    const { spec, data, tell } = globalThis.offered;
    const worker = await globalThis.site.worker.openWorker();
    const here = await globalThis.site.library.Vae.create(spec);
    const remote = await worker.create(spec);
    const caught = (call: Promise<unknown>): Promise<unknown> => call.then(() => 'no error', tell);
    const mistyped = { learning_rate: 1 } as object;
    const [mine, theirs] = [await here.trainer(undefined), await remote.trainer(undefined)];
    const batch = { x: new Float32Array(128 * 36), noise: new Float32Array(128 * 3) };
    await theirs.step(batch, { transfer: true });
    const own = await remote.trainer(undefined);
    await own.destroy();
    mine.destroy();
    const results = {
      moved: [batch.x.length, batch.noise.length],
      pairs: [
        [await caught(remote.trainer(data(), mistyped)), await caught(here.trainer(data(), mistyped))],
        [await caught(own.step()), await caught(mine.step())],
      ],
      schedule: await caught(remote.trainer(data(), { beta: () => 1 })),
    };
    await remote.destroy();
    const afterModel = await caught(theirs.terms());
    worker.terminate();
    here.destroy();
    return { ...results, afterModel };
  });
  expect(moved).toEqual([0, 0]);
  for (const [there, here] of pairs) expect(there).toEqual(here);
  expect(pairs[1]![0]).toMatchObject({ message: expect.stringContaining('[trainer] it was destroyed') });
  expect(schedule).toMatchObject({ message: expect.stringMatching(/schedules as data, not as functions$/) });
  expect(rest.afterModel).toEqual(pairs[1]![0]);
});

test('training tells, waits for epochs, and what it is told can be saved and loaded', async () => {
  const result = await tab.page.evaluate(async () => {
    const { spec, data, z } = globalThis.offered;
    const worker = await globalThis.site.worker.openWorker();
    const vae = await worker.create(spec);
    const told: string[] = [];
    const saved: Uint8Array[] = [];
    const report = await vae.train(data(), {
      epochs: 2,
      batchSize: 16,
      beta: { type: 'linear', from: 0, to: 1, steps: 1000 },
      onCompile: (done, total) => done === total && told.push('compiled'),
      onWarning: (message) => told.push(message),
      onStep: ({ step, totalSteps }) => told.push(`step ${step} of ${totalSteps}`),
      onEpoch: async ({ epoch }) => {
        saved.push(await vae.save());
        told.push(`epoch ${epoch}`);
      },
    });
    const last = await worker.load(saved[1]!);
    const same = (await last.decode(z)).join() === (await vae.decode(z)).join();
    const first = await worker.load(saved[0]!);
    const other = (await first.decode(z)).join() !== (await vae.decode(z)).join();
    worker.terminate();
    return { told, same, other, stopped: report.stopped };
  });
  expect(result).toMatchObject({ same: true, other: true, stopped: false });
  expect(result.told[0]).toBe('compiled');
  expect(result.told[1]).toMatch(/^beta ends at .* never reaches 1/);
  expect(result.told.filter((line) => !line.startsWith('step')).slice(2)).toEqual(['epoch 1', 'epoch 2']);
  expect(result.told).toContain('step 10 of 10');
});

test('pauses, goes on, and stops when asked', async () => {
  const result = await tab.page.evaluate(async () => {
    const { spec, data } = globalThis.offered;
    const worker = await globalThis.site.worker.openWorker();
    const vae = await worker.create(spec);
    const stop = new AbortController();
    let steps = 0;
    const seen = (): Promise<void> => {
      const before = steps;
      return new Promise((resolve) => {
        const look = (): void => (steps > before ? resolve() : void setTimeout(look, 10));
        look();
      });
    };
    const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const training = vae.train(data(), {
      epochs: 100_000,
      batchSize: 16,
      signal: stop.signal,
      onStep: ({ step }) => (steps = step),
    });
    await seen();
    await vae.pause();
    await wait(600); // reads of terms are at most 400 ms apart
    const held = steps;
    await vae.decode(globalThis.offered.z); // other calls are answered meanwhile
    await wait(1200);
    const still = steps;
    await vae.resume();
    await seen();
    const went = steps;
    await vae.pause();
    stop.abort(); // also while it is held
    const { stopped, steps: taken } = await training;
    const aborted = await vae.train(data(), { epochs: 1, batchSize: 16, signal: AbortSignal.abort() });
    worker.terminate();
    return { held, still, went, stopped, taken, aborted: [aborted.stopped, aborted.steps] };
  });
  expect(result.still).toBe(result.held);
  expect(result.went).toBeGreaterThan(result.held);
  expect(result.taken).toBeGreaterThanOrEqual(result.went);
  expect(result.stopped).toBe(true);
  expect(result.aborted).toEqual([true, 0]);
});

test('errors keep their class and their message', async () => {
  const result = await tab.page.evaluate(async () => {
    const { spec, data, tell } = globalThis.offered;
    const { Vae } = globalThis.site.library;
    const worker = await globalThis.site.worker.openWorker();
    const [remote, here] = [await worker.create(spec), await Vae.create(spec)];
    const caught = (call: Promise<unknown>): Promise<unknown> => call.then(() => 'no error', tell);
    const mine = new RangeError('mine');
    const listening = { epochs: 1, batchSize: 16, onEpoch: () => Promise.reject(mine) };
    const listener: unknown = await remote.train(data(), listening).catch((error: unknown) => error);
    const results = {
      pairs: [
        [
          await caught(worker.create({ ...spec, latent: 0 })),
          await caught(Vae.create({ ...spec, latent: 0 })),
        ],
        [await caught(worker.load(Uint8Array.of(1, 2, 3))), await caught(Vae.load(Uint8Array.of(1, 2, 3)))],
        [await caught(remote.decode(new Float32Array(4))), await caught(here.decode(new Float32Array(4)))],
        [
          await caught(remote.train({ ...data(), rows: 7 }, { epochs: 1 })),
          await caught(here.train({ ...data(), rows: 7 }, { epochs: 1 })),
        ],
        [
          await caught(remote.encode(Float32Array.from({ length: 36 }, () => Number.NaN))),
          await caught(here.encode(Float32Array.from({ length: 36 }, () => Number.NaN))),
        ],
      ],
      schedule: await caught(remote.train(data(), { epochs: 1, learningRate: () => 0.1 })),
      listener: listener === mine,
      after: (await remote.decode(globalThis.offered.z)).length,
    };
    await remote.destroy();
    const destroyed = await caught(remote.decode(globalThis.offered.z));
    worker.terminate();
    here.destroy();
    return { ...results, destroyed };
  });
  const kinds = ['SpecError', 'CheckpointError', 'ShapeError', 'DataError', 'DataError'];
  result.pairs.forEach(([remote, here], index) => {
    expect(remote).toEqual(here);
    expect(remote).toMatchObject({ kinds: expect.arrayContaining(['VaeError', kinds[index]]) });
  });
  expect(result.schedule).toMatchObject({
    kinds: expect.arrayContaining(['SpecError']),
    message: expect.stringMatching(
      /^\[worker\] something cannot be sent .* schedules as data, not as functions$/,
    ),
  });
  expect([result.listener, result.after]).toEqual([true, 4 * 36]);
  expect(result.destroyed).toMatchObject({ message: expect.stringContaining('the model was destroyed') });
});

test('arrays are copied, or moved where that is asked for', async () => {
  const lengths = await tab.page.evaluate(async () => {
    const { spec, data } = globalThis.offered;
    const worker = await globalThis.site.worker.openWorker();
    const vae = await worker.create(spec);
    const [copied, moved, rows] = [data(), data(), new Float32Array(36)];
    await vae.train(copied, { epochs: 1, batchSize: 16 });
    await vae.train(moved, { epochs: 1, batchSize: 16, transfer: true });
    await vae.encode(rows, { transfer: true });
    worker.terminate();
    return [copied.values.length, moved.values.length, rows.length];
  });
  expect(lengths).toEqual([80 * 36, 0, 0]);
});

test('a worker of its own, none, one without WebGPU, and one that is terminated', async () => {
  const result = await tab.page.evaluate(async () => {
    const { spec, data, z, tell } = globalThis.offered;
    const { openWorker } = globalThis.site.worker;
    const start = (url: string): Worker => new Worker(url, { type: 'module' });
    const failed = (url: string): Promise<unknown> =>
      openWorker({ worker: start(url) }).then(() => 'opened', tell);
    const worker = await openWorker({ worker: start('/e2e/site/my-worker.js') });
    const vae = await worker.create(spec);
    const decoded = (await vae.decode(z)).length;
    const pending = vae.train(data(), { epochs: 100_000, batchSize: 16 }).catch(tell);
    await vae.decode(z);
    worker.terminate();
    return {
      decoded,
      pending: await pending,
      later: await vae.decode(z).catch(tell),
      missing: await failed('/e2e/site/nowhere.js'),
      withoutGpu: await failed('/e2e/site/my-worker.js?without-gpu'),
    };
  });
  const terminated = {
    kinds: ['DeviceError', 'VaeError'],
    message: expect.stringMatching(/^\[worker\] it was terminated; open/),
  };
  expect(result).toEqual({
    decoded: 4 * 36,
    pending: terminated,
    later: terminated,
    missing: {
      kinds: ['DeviceError', 'VaeError'],
      message: expect.stringMatching(/^\[worker\] it did not start: .*; serve worker-main\.js beside/),
    },
    withoutGpu: {
      kinds: ['DeviceError', 'VaeError'],
      message: expect.stringMatching(/^\[device\] this environment has no WebGPU; use a browser with/),
    },
  });
});

test('the policy of the page is kept', async () => {
  await tab.page.evaluate(async () => {
    const worker = await globalThis.site.worker.openWorker();
    await (await worker.create(globalThis.offered.spec)).sample(1);
    worker.terminate();
  });
  expect(await tab.page.evaluate(() => globalThis.site.violations)).toEqual([]);
});

test('a canvas handed to the worker shows what the model decodes', async () => {
  const { shown, expected, sizes } = await tab.page.evaluate(async () => {
    const { spec, z } = globalThis.offered;
    const worker = await globalThis.site.worker.openWorker();
    const vae = await worker.create(spec, { seed: 2 });
    const canvas = document.createElement('canvas');
    document.body.append(canvas);
    const drawn = await vae.show(canvas, { rows: 4, columns: 2 });
    const copy = new OffscreenCanvas(12, 12).getContext('2d', { willReadFrequently: true })!;
    /** The canvas once the compositor has what was drawn: pixels that are not those of before. */
    const pixels = async (before: string): Promise<number[]> => {
      for (let frame = 0; frame < 300; frame++) {
        await new Promise(requestAnimationFrame);
        copy.clearRect(0, 0, 12, 12);
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, 12, 12);
        if (data.some((value, i) => i % 4 === 3 && value > 0) && data.join() !== before) return [...data];
      }
      throw new Error('nothing was drawn in 300 frames');
    };
    await drawn.decode(z);
    const decoded = await pixels('');
    await drawn.sample({ seed: 3 });
    const sampled = await pixels(decoded.join());
    const image = new ImageData(6, 6);
    image.data.fill(255);
    await drawn.reconstruct(
      image,
      await createImageBitmap(image),
      new VideoFrame(await createImageBitmap(image), { timestamp: 0 }),
      image,
    );
    const reconstructed = await pixels(sampled.join());
    const ones = new Float32Array(4 * 36).fill(1);
    const rows = [await vae.decode(z), await vae.sample(4, { seed: 3 }), await vae.reconstruct(ones)];
    await drawn.destroy();
    worker.terminate();
    return {
      shown: [decoded, sampled, reconstructed],
      expected: rows.map((row) => [...row]),
      sizes: [canvas.width, canvas.height],
    };
  });
  expect(sizes).toEqual([12, 12]);
  shown.forEach((picture, index) => expect(gridError(picture, expected[index]!)).toBeLessThanOrEqual(1));
  // the same numbers would have passed if every picture were alike
  expect(gridError(shown[0]!, expected[1]!)).toBeGreaterThan(3);
});

/** The largest difference, in steps of a byte, of RGBA pixels 12 x 12 from four grey images of 6 x 6. */
function gridError(pixels: readonly number[], images: readonly number[]): number {
  let worst = 0;
  for (let y = 0; y < 12; y++)
    for (let x = 0; x < 12; x++) {
      const image = 2 * Math.floor(y / 6) + Math.floor(x / 6);
      const grey = 255 * images[36 * image + 6 * (y % 6) + (x % 6)]!;
      for (let c = 0; c < 3; c++) worst = Math.max(worst, Math.abs(pixels[4 * (12 * y + x) + c]! - grey));
    }
  return worst;
}

test('the death of the GPU process ends calls with a DeviceError, and is told', async () => {
  const browser = await chromium.launch(chromiumLaunch); // of its own: Chromium remembers such a crash
  try {
    const own = await browser.newPage();
    await openSite(own, tab.site);
    await offerModel(own);
    const training = own.evaluate(async () => {
      const { spec, data, tell } = globalThis.offered;
      const worker = await globalThis.site.worker.openWorker();
      const vae = await worker.create(spec);
      const onStep = (): void => void (globalThis.isTraining = true);
      const ended = await vae.train(data(), { epochs: 100_000, batchSize: 16, onStep }).catch(tell);
      return { ended, lost: await worker.lost };
    });
    await own.waitForFunction(() => globalThis.isTraining);
    await (await browser.newBrowserCDPSession()).send('Browser.crashGpuProcess');
    expect(await training).toEqual({
      ended: {
        kinds: ['DeviceError', 'VaeError'],
        message: expect.stringMatching(/the GPU device is lost \(unknown/),
      },
      lost: expect.stringMatching(/^unknown/),
    });
  } finally {
    await browser.close();
  }
});

declare global {
  var isTraining: boolean | undefined;
}

test('how long the page hangs while a worker trains (printed)', async () => {
  const measured = await tab.page.evaluate(async () => {
    const { denseSpec, Vae } = globalThis.site.library;
    const spec = denseSpec({ input: [28, 28, 1], hidden: 400, latent: 20 });
    const data = {
      rows: 256,
      shape: [28, 28, 1],
      values: Uint8Array.from({ length: 256 * 784 }, (_, i) => (i * 37) & 255),
    };
    const options = { epochs: 10, batchSize: 128 };
    /** The longest task over 50 ms and the longest wait for a timer of 4 ms while `run` runs. */
    const watch = async (run: () => Promise<unknown>): Promise<{ task: number; timer: number }> => {
      let [task, timer, last, isDone] = [0, 0, performance.now(), false];
      const observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) task = Math.max(task, duration);
      });
      observer.observe({ type: 'longtask' });
      const tick = (): void => {
        timer = Math.max(timer, performance.now() - last);
        last = performance.now();
        if (!isDone) setTimeout(tick, 4);
      };
      tick();
      await run();
      isDone = true;
      await new Promise((resolve) => setTimeout(resolve, 100)); // entries come late
      observer.disconnect();
      return { task, timer };
    };
    const worker = await globalThis.site.worker.openWorker();
    const remote = await worker.create(spec);
    const inWorker = await watch(() => remote.train(data, options));
    worker.terminate();
    const vae = await Vae.create(spec);
    const inPage = await watch(() => vae.train(data, options));
    vae.destroy();
    const control = await watch(async () => {
      const until = performance.now() + 120;
      while (performance.now() < until); // the observer sees this one
    });
    return { inWorker, inPage, control };
  });
  const words = ({ task, timer }: { task: number; timer: number }): string =>
    `${task > 0 ? `${task.toFixed(0)} ms` : 'none over 50 ms'}, longest wait of a timer ${timer.toFixed(0)} ms`;
  test.info().annotations.push(
    {
      type: 'figure',
      description: `longest task of the page, worker training 784-400-20: ${words(measured.inWorker)}`,
    },
    {
      type: 'figure',
      description: `longest task of the page, page training 784-400-20: ${words(measured.inPage)}`,
    },
  );
  expect(measured.control.task, 'the observer sees a long task').toBeGreaterThan(100);
});
