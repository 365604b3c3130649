/**
 * Plan: what the planner lets a convolution do on the way in and out, against the separate ops.
 * - a deconvolution by reshape, its bias and activation in one dispatch, its inverse in the loads of both gradients,
 *   the bias gradient beside the weight's: r = 2, 3, 4, channels aligned and not, a stride, an even kernel;
 * - upsampling read by the convolution and its weight gradient: factors 2 and 3, twice, before a deconvolution;
 * - on the kernels of every adapter class, with the dispatches one expects to see.
 * What must stay a dispatch of its own is in e2e/unit/conv-plan.spec.ts.
 */
import { expect, test } from '@playwright/test';
import {
  activate,
  add,
  conv2d,
  depthToSpace,
  gradient,
  input,
  multiply,
  sum,
  upsample,
  type ConvOptions,
  type Tensor,
} from 'webgpu-vae/gpu';
import { matmulClasses, type AdapterClass } from '../cases/case.js';
import { evaluate, largest, type Evaluated, type Evaluation } from '../evaluate.js';
import { nodeDevice } from '../node-device.js';
import { randomNormal } from '../reference/tensor.js';
import { tolerances } from '../tolerance.js';

type Shapes = Readonly<Record<string, readonly number[]>>;
type Tensors = Readonly<Record<string, Tensor>>;

/** A graph of inputs; `labels` are its dispatches with those of its gradients by all inputs. */
interface Row {
  readonly name: string;
  readonly shapes: Shapes;
  build(tensors: Tensors): Tensor;
  readonly labels: readonly string[];
}

/** tanh(depthToSpace(conv(x, w) + bias)): C channels of 5 x 7 pixels to O channels of r times as many. */
function deconvolutionRow(r: number, C: number, O: number, kernel: number, options: ConvOptions): Row {
  return {
    name: `deconvolution r=${r} ${C} to ${O} kernel ${kernel} ${JSON.stringify(options)}`,
    shapes: { x: [2, 5, 7, C], w: [kernel, kernel, C, r * r * O], bias: [r * r * O] },
    build: ({ x, w, bias }) => activate(depthToSpace(add(conv2d(x!, w!, options), bias!), r), 'tanh'),
    labels: [
      'conv+add+depthToSpace+tanh',
      'gradient unary/binary',
      'gradient conv/conv+depthToSpace',
      'gradient conv/conv+columnSum+depthToSpace',
    ],
  };
}

function upsampleRow(factor: number, C: number, O: number): Row {
  return {
    name: `upsample by ${factor}, ${C} to ${O}`,
    shapes: { x: [2, 5, 3, C], w: [3, 3, C, O], bias: [O] },
    build: ({ x, w, bias }) =>
      activate(add(conv2d(upsample(x!, factor), w!, { padding: 'same' }), bias!), 'relu'),
    labels: [
      'conv+add+relu+upsample',
      'gradient unary/binary',
      'gradient conv/conv',
      'gradient conv/conv+columnSum+upsample',
      'gradient upsample/pool',
    ],
  };
}

const rows: readonly Row[] = [
  deconvolutionRow(2, 4, 4, 3, { padding: 'same' }), // control: aligned
  deconvolutionRow(2, 3, 1, 3, { padding: 'same' }),
  deconvolutionRow(2, 5, 33, 1, {}),
  deconvolutionRow(3, 4, 4, 2, { padding: 'same' }),
  deconvolutionRow(3, 8, 2, 5, { padding: 'same' }),
  deconvolutionRow(4, 8, 4, 3, { padding: [2, 1, 0, 3] }),
  deconvolutionRow(2, 4, 8, 4, { stride: 2, padding: [1, 2, 0, 1] }),
  upsampleRow(2, 4, 8),
  upsampleRow(3, 8, 5),
  {
    name: 'upsample before a deconvolution',
    shapes: { x: [2, 3, 2, 4], w: [3, 3, 4, 16] },
    build: ({ x, w }) => depthToSpace(conv2d(upsample(x!, 2), w!, { padding: 'same' }), 2),
    labels: [
      'conv+depthToSpace+upsample',
      'gradient conv/conv+depthToSpace',
      'gradient conv/conv+upsample+depthToSpace',
      'gradient upsample/pool',
    ],
  },
];

/** All that is asked for of a row: y and the gradients of <g, y> by all inputs, with g random. */
function evaluationOf(row: Row, fusion: boolean): Evaluation {
  const tensors = Object.fromEntries(
    Object.entries(row.shapes).map(([name, shape]) => [name, input(name, shape)]),
  );
  const y = row.build(tensors);
  const gradients = gradient(sum(multiply(y, input('g', y.shape))), Object.values(tensors));
  const names = Object.keys(tensors);
  const outputs: Record<string, Tensor> = { y };
  gradients.forEach((tensor, i) => (outputs[`${names[i]}Gradient`] = tensor));
  const shapes = { ...row.shapes, g: y.shape };
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [name, randomNormal(shape, i + 1)]),
  );
  return { label: row.name, outputs, inputs, fusion };
}

/** The separate ops on the plain kernels: one run a row, against which those of every class are held. */
const separate = new Map<Row, Promise<Evaluated>>();

async function separateOf(row: Row): Promise<Evaluated> {
  const device = await nodeDevice();
  const run =
    separate.get(row) ?? evaluate(device, { ...evaluationOf(row, false), adapterClass: 'software' });
  separate.set(row, run);
  return run;
}

/** Compiling takes the time: the plain kernels run every row, the others take turns at deconvolutions. */
function classesOf({ name }: Row, index: number): AdapterClass[] {
  return matmulClasses.filter((_, i) => i === 0 || name.startsWith('upsample') || i === 1 + (index % 2));
}

for (const [index, row] of rows.entries())
  for (const adapterClass of classesOf(row, index))
    test(`${row.name} (${adapterClass})`, async () => {
      const device = await nodeDevice();
      test.skip(
        adapterClass === 'software-subgroups' && !device.gpu.features.has('subgroups'),
        'the adapter has no subgroups',
      );
      const expected = await separateOf(row);
      const fused = await evaluate(device, { ...evaluationOf(row, true), adapterClass });
      expect(expected.labels.filter((label) => label.includes('+'))).toEqual([]);
      for (const [name, values] of Object.entries(expected.outputs)) {
        const actual = fused.outputs[name]!;
        const allowed = tolerances.network(largest(values));
        const wrong = actual.findIndex((value, i) => !(Math.abs(value - values[i]!) <= allowed));
        expect(wrong, `${name}[${wrong}] is ${actual[wrong]}; expected ${values[wrong]}`).toBe(-1);
      }
      // a cut inner axis adds a dispatch of the same label
      expect([...new Set(fused.labels)].toSorted()).toEqual(row.labels.toSorted());
    });
