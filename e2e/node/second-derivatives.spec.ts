/**
 * Plan: the gradient of a gradient through every op that has one. With g = d<w, op(x)>/dx the test takes
 * d<v, g>/dx and d<v, g>/dw on the GPU and holds them to central differences of the float64 backward.
 * Axes: matmul transpositions; every unary function and activation; every binary function, equal shapes (control) and
 * broadcast; sums and moves; norms; likelihood family and scale; posterior, estimator and samples; a small network.
 * Inputs stay away from kinks, where a second derivative does not exist.
 */
import { expect, test } from '@playwright/test';
import { add, gradient, input, multiply, sum, type Tensor } from 'webgpu-vae/gpu';
import { evaluate, largest } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { centralDifference } from '../reference/difference.js';
import { dot, randomNormal, type F64 } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';
import { differentiableOps, ROW_COUNT } from './differentiable-models.js';

for (const row of differentiableOps)
  test(row.name, async () => {
    const { inputs, differentiated = Object.keys(inputs), fixed = [] } = row;
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]),
    );
    const outputs = row.build(tensors);
    const cotangents = numbered('w', outputs, 60);
    const first = gradient(
      inner(outputs, cotangents.tensors),
      differentiated.map((name) => tensors[name]!),
    );
    const directions = numbered('v', first, 70);
    const names = Object.keys(inputs).filter((name) => !fixed.includes(name));
    const second = gradient(inner(first, directions.tensors), [
      ...names.map((name) => tensors[name]!),
      ...cotangents.tensors,
    ]);

    const { outputs: actual } = await evaluate(await nodeDevice(), {
      label: row.name,
      outputs: Object.fromEntries(second.map((tensor, i) => [`${i}`, tensor])),
      inputs: { ...inputs, ...cotangents.inputs, ...directions.inputs },
      step: { row_count: ROW_COUNT },
      ...(row.state && { state: row.state }),
    });
    const contracted = (): number =>
      row
        .backward(inputs, cotangents.values)
        .reduce((total, value, i) => total + dot(value, directions.values[i]!), 0);
    [...names.map((name) => inputs[name]!), ...cotangents.values].forEach((value, i) => {
      const name = `d<v, g>/d${names[i] ?? `w${i - names.length}`}`;
      expectClose(name, actual[`${i}`]!, centralDifference(contracted, value));
    });
  });

/** An input tensor for each of `tensors`, of its shape, with random numbers. */
function numbered(
  prefix: string,
  tensors: readonly Tensor[],
  seed: number,
): { tensors: Tensor[]; values: F64[]; inputs: Record<string, F64> } {
  const values = tensors.map(({ shape }, i) => randomNormal(shape, seed + i));
  return {
    tensors: values.map(({ shape }, i) => input(`${prefix}${i}`, shape)),
    values,
    inputs: Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value])),
  };
}

/** sum_i <a_i, b_i> */
function inner(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  return a.map((tensor, i) => sum(multiply(tensor, b[i]!))).reduce((total, term) => add(total, term));
}

function expectClose(name: string, actual: Float32Array, { values }: F64): void {
  const allowed = tolerances.secondDerivative(Math.max(1, largest(values)));
  const wrong = values.findIndex((value, i) => !(Math.abs(actual[i]! - value) <= allowed));
  expect(wrong, `${name}[${wrong}] is ${actual[wrong]}; expected ${values[wrong]} within ${allowed}`).toBe(
    -1,
  );
  expect(actual.length).toBe(values.length);
}
