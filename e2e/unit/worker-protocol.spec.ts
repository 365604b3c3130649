/**
 * Plan: what crosses between page and worker.
 * - each error class arrives as itself, message, place and stack kept, whatever a minifier calls it; others as Error by name;
 * - buffers of results are found once each;
 * - a schedule that is a function is refused before anything is sent, for trainings and for trainers.
 */
import { expect, test } from '@playwright/test';
import * as errors from '../../src/gpu/errors.js';
import { completeSpec } from '../../src/vae/spec.js';
import { Channel } from '../../src/vae/worker/channel.js';
import { buffersOf, errorFacts, errorFrom } from '../../src/vae/worker/protocol.js';
import { WorkerVae } from '../../src/vae/worker/worker-vae.js';

for (const [name, Kind] of Object.entries(errors))
  for (const minified of [false, true])
    test(`${name} arrives as itself${minified ? ' under a minified name' : ''}`, () => {
      const error = new Kind('spec.latent', 'is 0; expected more');
      if (minified) error.name = 'e';
      const arrived = errorFrom(structuredClone(errorFacts(error)));
      expect(arrived.constructor).toBe(Kind);
      expect(arrived).toMatchObject({ where: 'spec.latent', message: error.message, stack: error.stack });
      expect(arrived.message).toBe('[spec.latent] is 0; expected more');
    });

test('other errors arrive by name and message, and what is no error as its text', () => {
  expect(errorFrom(errorFacts(new RangeError('too far')))).toMatchObject({
    name: 'RangeError',
    message: 'too far',
  });
  expect(errorFrom(errorFacts('words'))).toMatchObject({ name: 'Error', message: 'words' });
});

test('buffers to move are those of an array or of the arrays in an object, each once', () => {
  const [a, b] = [new Float32Array(2), new Uint8Array(3)];
  expect(buffersOf(a)).toEqual([a.buffer]);
  expect(buffersOf({ mean: a, same: a.subarray(1), bytes: b, count: 3 })).toEqual([a.buffer, b.buffer]);
  for (const none of [undefined, 3, { epochs: 1 }]) expect(buffersOf(none)).toEqual([]);
});

test('a function among the options is refused, and data is sent', async () => {
  const sent: unknown[] = [];
  const worker = Object.assign(new EventTarget(), {
    postMessage: (message: unknown) => void sent.push(structuredClone(message)),
  });
  const spec = completeSpec({ input: [4], latent: 1, encoder: [], decoder: [] });
  const vae = new WorkerVae(new Channel(worker as unknown as Worker), { model: 1, spec, parameterCount: 0 });
  const data = { rows: 1, shape: [4], values: new Float32Array(4) };
  for (const option of ['learningRate', 'beta'] as const) {
    const options = { [option]: () => 0.1 };
    for (const call of [vae.trainer(data, options), vae.train(data, { epochs: 1, ...options })])
      await expect(call).rejects.toThrow(
        /^\[worker\] something cannot be sent to it: .*; pass plain data, and schedules as data, not as functions$/,
      );
  }
  expect(sent).toEqual([]);
  const beta = { type: 'linear', from: 0, to: 1, steps: 9 } as const;
  void vae.trainer(data, { beta, onCompile: () => undefined });
  expect(sent).toEqual([
    { id: 5, call: 'trainer', takes: { model: 1, data, options: { beta }, events: ['onCompile'] } },
  ]);
});
