/** Plan: the count of a model that was not made: by hand, as PyTorch counts; refusals. */
import { expect, test } from '@playwright/test';
import { parameterCount } from '../../src/vae/parameter-count.js';
import { denseSpec } from '../../src/vae/presets.js';

const small = {
  input: [5],
  latent: 2,
  encoder: [{ type: 'dense', units: 3 }],
  decoder: [{ type: 'dense', units: 4 }],
} as const;

test('counts weights and biases of every layer', () => {
  const encoder = 5 * 3 + 3 + (3 * 4 + 4);
  const decoder = 2 * 4 + 4 + (4 * 5 + 5);
  expect(parameterCount(small)).toBe(encoder + decoder);
  const learned = parameterCount({ ...small, likelihood: { type: 'gaussian', scale: 'per-pixel' } });
  expect(learned).toBe(encoder + decoder + 5);
});

test('counts the dense VAE of 784, 400 and 20 as PyTorch does', () => {
  expect(parameterCount(denseSpec({ input: [28, 28, 1] }))).toBe(652_824);
});

test('refuses what cannot be built', () => {
  expect(() => parameterCount({ ...small, latent: 0 })).toThrow(/^\[spec\.latent\]/);
  const decoder = [{ type: 'reshape', shape: [7] }] as const;
  expect(() => parameterCount({ ...small, decoder })).toThrow(/spec\.decoder\[0\]/);
});
