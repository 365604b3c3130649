/** Targets of a gradient may depend on each other, and inputs must not share a name by accident. */
import { expect, test } from '@playwright/test';
import { gradient, input, makePlan, ShapeError, square, sum, add } from 'webgpu-vae/gpu';

test('a target that another target depends on gets its gradient too', () => {
  const w = input('w', [3]);
  const h = square(w);
  const [hGradient, wGradient] = gradient(sum(square(h)), [h, w]);
  expect(hGradient!.node.op.name).not.toBe('constant');
  expect(wGradient!.node.op.name).not.toBe('constant');
});

test('two inputs of one name and different shapes are refused', () => {
  const y = add(input('x', [3]), input('x', [2, 1]));
  expect(() => makePlan({ label: 'test', outputs: { y } }, 'software')).toThrow(ShapeError);
  expect(() => makePlan({ label: 'test', outputs: { y } }, 'software')).toThrow(/two inputs have this name/);
});
