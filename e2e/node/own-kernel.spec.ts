/**
 * Plan: kernels from outside the package, on the device. Parameters of every type, overrides, the step block and several
 * bindings reach the shader; two kernels of one name do not share a pipeline; a fault is told with its place in the caller's own
 * text; declarations that cannot work are refused before a device sees them.
 */
import { expect, test } from '@playwright/test';
import {
  applyOne,
  defineKernel,
  dispatch,
  input,
  ShaderError,
  SpecError,
  type Dispatch,
  type KernelDeclaration,
  type OpDefinition,
  type Tensor,
} from 'webgpu-vae/gpu';
import { evaluate } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { fromValues } from '../reference/tensor.js';

const cost = { flops: 0, bytesRead: 0, bytesWritten: 0 };
const one = { workgroups: [1, 1, 1] as const, cost };

/** An op of one dispatch that gives a tensor of the input's shape. */
function opOf(run: (x: Tensor, y: Tensor) => Dispatch): (x: Tensor) => Tensor {
  const op: OpDefinition<null> = {
    name: 'own',
    shapes: ([x]) => [[...x!]],
    cost: () => cost,
    forward: ({ inputs, outputs }) => [run(inputs[0]!, outputs[0]!)],
    backward: { none: 'this op is a test' },
  };
  return (x) => applyOne(op, [x], null);
}

async function valuesOf(build: (x: Tensor) => Tensor, step = {}): Promise<number[]> {
  const x = fromValues([2], [10, 20]);
  const { outputs } = await evaluate(await nodeDevice(), {
    label: 'own kernel',
    outputs: { y: build(input('x', [2])) },
    inputs: { x },
    step,
  });
  return [...outputs['y']!];
}

const main = (body: string): string =>
  `@compute @workgroup_size(2)\nfn main(@builtin(local_invocation_index) i: u32) { ${body} }`;

test('parameters, overrides and the step block reach the shader', async () => {
  const kernel = defineKernel({
    name: 'everything',
    storage: { x: 'read', y: 'read_write' },
    parameters: { scale: 'f32', shift: 'i32', count: 'u32' },
    overrides: { DOUBLE: 'bool', EXTRA: 'f32' },
    usesStep: true,
    source: main(
      'y[i] = select(1.0, 2.0, DOUBLE) * (parameters.scale * x[i] + f32(parameters.shift) + f32(parameters.count)) + EXTRA + f32(step.row_count) + step.beta;',
    ),
  });
  const everything = (overrides: { DOUBLE: boolean; EXTRA: number }): ((x: Tensor) => Tensor) =>
    opOf((x, y) =>
      dispatch(kernel, {
        bindings: { x, y },
        parameters: { scale: 0.5, shift: -3, count: 7 },
        overrides,
        ...one,
      }),
    );
  const step = { row_count: 100, beta: 0.25 };
  expect(await valuesOf(everything({ DOUBLE: false, EXTRA: 0 }), step)).toEqual([109.25, 114.25]);
  expect(await valuesOf(everything({ DOUBLE: true, EXTRA: 1 }), step)).toEqual([119.25, 129.25]);
});

/** Writes a number into every element. */
function filling(name: string, number: string): (x: Tensor) => Tensor {
  const kernel = defineKernel({
    name,
    storage: { x: 'read', y: 'read_write' },
    source: main(`y[i] = 0.0 * x[i] + ${number};`),
  });
  return opOf((x, y) => dispatch(kernel, { bindings: { x, y }, ...one }));
}

test('kernels of one name, ours among them, are told apart', async () => {
  expect(await valuesOf(filling('sum', '1.0'))).toEqual([1, 1]);
  expect(await valuesOf(filling('sum', '2.0'))).toEqual([2, 2]);
});

test("a fault is told with its place in the caller's text, and the device goes on", async () => {
  const attempt = valuesOf(filling('broken', 'missing'));
  await expect(attempt).rejects.toThrow(ShaderError);
  await expect(attempt).rejects.toThrow(
    /^\[broken\.wgsl\] line 2, column \d+: unresolved value 'missing'\n.*missing;/,
  );
  expect(await valuesOf(filling('whole', '3.0'))).toEqual([3, 3]);
});

const storage = { x: 'read', y: 'read_write' } as const;
const refused: readonly (readonly [
  what: string,
  declaration: Partial<KernelDeclaration>,
  message: string,
])[] = [
  [
    'a name that is none',
    { name: 'my kernel' },
    "[kernel my kernel] 'my kernel' is no WGSL identifier; use letters, digits and _",
  ],
  [
    'a reserved name',
    { storage: { step: 'read' } },
    "[kernel k] 'step' is declared twice or reserved (parameters, step, main, Parameters, Step); choose another name",
  ],
  [
    'a name for two things',
    { storage, overrides: { x: 'u32' } },
    "[kernel k] 'x' is declared twice or reserved (parameters, step, main, Parameters, Step); choose another name",
  ],
  [
    'nothing bound',
    { storage: {} },
    '[kernel k] has 0 storage bindings; expected 1 to 8, which every device has; join tensors or use two kernels',
  ],
];

for (const [what, declaration, message] of refused)
  test(`${what} is refused`, () => {
    const declare = (): unknown => defineKernel({ name: 'k', storage, source: main(''), ...declaration });
    expect(declare).toThrow(SpecError);
    expect(declare).toThrow(message);
  });

test('a dispatch that leaves something out does not compile', () => {
  const kernel = defineKernel({ name: 'k', storage, parameters: { count: 'u32' }, source: main('') });
  const x = input('x', [2]);
  // @ts-expect-error The binding y is missing.
  expect(dispatch(kernel, { bindings: { x }, parameters: { count: 2 }, ...one }).kernel).toBe(kernel);
  // @ts-expect-error The parameters are missing.
  expect(dispatch(kernel, { bindings: { x, y: x }, ...one }).kernel).toBe(kernel);
});
