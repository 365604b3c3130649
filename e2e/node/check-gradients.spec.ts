/**
 * Plan: `checkGradients` accepts every op's gradient, at the numbers at which the tests of second derivatives run, and refuses
 * wrong ones: a factor, a missing term, a permutation, a gradient of zeros, one that is not a number.
 */
import { expect, test } from '@playwright/test';
import {
  affine,
  apply,
  checkGradients,
  GradientError,
  ShapeError,
  multiply,
  reshape,
  slice,
  concat,
  square,
  unary,
  type CheckGradientsOptions,
  type Tensor,
} from 'webgpu-vae/gpu';
import { nodeDevice } from '../node-device.js';
import { differentiableOps, ROW_COUNT } from './differentiable-models.js';

for (const row of differentiableOps.filter(({ state }) => !state))
  test(row.name, async () => {
    const { inputs, differentiated = Object.keys(inputs) } = row;
    const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
    const values = Object.fromEntries(Object.entries(inputs).map(([name, { values: v }]) => [name, v]));
    const fixed = Object.keys(inputs).filter((name) => !differentiated.includes(name));
    const options = { values, fixed, elements: 6, stepValues: { row_count: ROW_COUNT } };
    const report = await checkGradients(await nodeDevice(), shapes, (tensors) => row.build(tensors), options);
    expect(report.compared).toBeGreaterThan(0);
    expect(report.worst).toBeLessThanOrEqual(1);
  });

/** x squared with another backward. */
function wrongSquare(x: Tensor, backward: (x: Tensor, cotangent: Tensor) => Tensor): Tensor {
  const [y] = apply(
    {
      ...square(x).node.op,
      name: 'wrong square',
      backward: (node, [cotangent]) => [backward(node.inputs[0]!, cotangent!)],
    },
    [x],
    square(x).node.attributes,
  );
  return y!;
}

const turned = (g: Tensor): Tensor => concat([slice(g, 0, 1, 6), slice(g, 0, 0, 1)], 0);

const wrongs: readonly (readonly [what: string, backward: (x: Tensor, g: Tensor) => Tensor])[] = [
  ['one per cent too large', (x, g) => multiply(g, affine(x, 2.02, 0))],
  ['a constant off', (x, g) => multiply(g, affine(x, 2, 0.01))],
  ['the wrong sign', (x, g) => multiply(g, affine(x, -2, 0))],
  ['zeros', (x, g) => multiply(g, affine(x, 0, 0))],
  ['permuted', (x, g) => turned(multiply(g, affine(x, 2, 0)))],
  ['not a number', (x, g) => multiply(g, unary('sqrt', affine(square(x), -1, -1)))],
];

for (const [what, backward] of wrongs)
  test(`a gradient that is ${what} is refused`, async () => {
    const device = await nodeDevice();
    const right = await checkGradients(device, { x: [7] }, ({ x }) => [square(x)]);
    expect(right.compared).toBe(7);
    const check = checkGradients(device, { x: [7] }, ({ x }) => [wrongSquare(x, backward)]);
    await expect(check).rejects.toThrow(GradientError);
    await expect(check).rejects.toThrow(
      /^\[checkGradients\] the gradient of x at element \d is .+; mend the/,
    );
  });

test('a NaN is found although its element is not among those that are varied', async () => {
  const oneNaN = (x: Tensor, g: Tensor): Tensor => {
    const right = multiply(g, affine(x, 2, 0));
    return concat([slice(right, 0, 0, 6), unary('sqrt', affine(square(slice(x, 0, 6, 1)), -1, -1))], 0);
  };
  const check = checkGradients(await nodeDevice(), { x: [7] }, ({ x }) => [wrongSquare(x, oneNaN)], {
    elements: 2,
  });
  await expect(check).rejects.toThrow(/the gradient of x at element 6 is NaN/);
});

test('what would compare nothing, or something else than was meant, is refused', async () => {
  const device = await nodeDevice();
  const checkWith = (options: CheckGradientsOptions): Promise<unknown> =>
    checkGradients(device, { x: [7] }, ({ x }) => [square(x)], options);
  await expect(checkWith({ fixed: ['x'] })).rejects.toThrow('[checkGradients] has no gradient to compare');
  await expect(checkWith({ fixed: ['y'] })).rejects.toThrow("[checkGradients] has no input 'y'; it has x");
  await expect(checkWith({ values: { z: [1] } })).rejects.toThrow(
    "[checkGradients] has no input 'z'; it has x",
  );
});

test('numbers of another length are refused', async () => {
  const check = checkGradients(await nodeDevice(), { x: [7] }, ({ x }) => [reshape(x, [7])], {
    values: { x: [1, 2] },
  });
  await expect(check).rejects.toThrow(ShapeError);
});
