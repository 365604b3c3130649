/**
 * Plan: what crosses between page and worker.
 * - each error class arrives as itself, message, place and stack kept, whatever a minifier calls it; others as Error by name;
 * - buffers of results are found once each.
 */
import { expect, test } from '@playwright/test';
import * as errors from '../../src/gpu/errors.js';
import { buffersOf, errorFacts, errorFrom } from '../../src/vae/worker/protocol.js';

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
