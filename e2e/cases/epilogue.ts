/**
 * Plan: what a matmul does to its result before storing it (shaders/lib/epilogue.wgsl), also where a sum finishes it.
 * - bias with each activation (control: identity), and no bias;
 * - the derivative of each activation, which is the backward pass of the layer below;
 * - column sums of b, a layer's bias gradient beside its weight gradient;
 * each aligned, unaligned and with an inner axis cut into pieces, on both kernels. The planned label shows the fusion.
 */
import { activate, add, gradient, matmul, multiply, sum } from 'webgpu-vae/gpu';
import { activationNames, activations, type Activation } from '../reference/activation.js';
import { matmulBackward, matmulMagnitude, matmul as reference } from '../reference/matmul.js';
import { map, randomNormal, type F64 } from '../reference/tensor.js';
import { activationError, dotTolerance, each, slopeError, STEEPEST, ULP } from '../tolerance.js';
import { matmulClasses, type AdapterClass, type KernelCase } from './case.js';

/** [M, K, N]: aligned, unaligned and one past a tile. */
const sizes = [
  [8, 12, 16],
  [33, 5, 17],
] as const;
const splitSize = [3, 1030, 6] as const;
type Size = readonly [rows: number, inner: number, columns: number];

/** A layer: activation(a b + bias). */
function layerCase(
  [rows, inner, columns]: Size,
  activation: Activation,
  withBias: boolean,
  adapterClass: AdapterClass,
): KernelCase {
  const words = [withBias ? 'bias' : 'no bias', activation].join(', ');
  return {
    name: `layer ${words} M=${rows} K=${inner} N=${columns} (${adapterClass})`,
    adapterClass,
    build(graph) {
      // Scaled so that activations see values of about 1 to 2.
      const a = randomNormal([rows, inner], 1, 1.5 / Math.sqrt(inner));
      const b = randomNormal([inner, columns], 2);
      const bias = randomNormal([columns], 3);
      const options = withBias ? { bias } : {};
      const product = matmul(graph.input('a', a), graph.input('b', b));
      const shifted = withBias ? add(product, graph.input('bias', bias)) : product;
      const before = reference(a, b, options);
      const roundings = dotTolerance(inner + 1, matmulMagnitude(a, b, options));
      const allowed = roundings.map(
        (error, i) => STEEPEST * error + activationError(activation, before.values[i]!),
      );
      graph.expect('y', activate(shifted, activation), map(before, activations[activation].value), allowed);
      const parts = [withBias ? 'add' : '', activation === 'identity' ? '' : activation].filter(Boolean);
      const label = parts.length > 0 ? `matmul+${parts.join('+')}` : 'matmul';
      graph.labels = plannedLabels(label, adapterClass, [rows, inner, columns]);
    },
  };
}

/** d<w, act(x) b>/dx: a product with b' times act'(x). */
function derivativeCase(
  [rows, inner, columns]: Size,
  activation: Activation,
  adapterClass: AdapterClass,
): KernelCase {
  return {
    name: `derivative of ${activation} M=${rows} K=${inner} N=${columns} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const x = randomNormal([rows, columns], 1, 1.5);
      const b = randomNormal([columns, inner], 2);
      const tensor = graph.input('x', x);
      const product = matmul(activate(tensor, activation), graph.input('b', b));
      const [cotangent, xGradient] = graph.pullBack(product, [tensor]);
      const back = reference(cotangent, b, { transposeB: true });
      const roundings = dotTolerance(inner + 1, matmulMagnitude(cotangent, b, { transposeB: true }));
      const { first } = activations[activation];
      const expected = map(back, (value, i) => value * first(x.values[i]!));
      const allowed = each(back, (value, i) => {
        const slope = Math.abs(first(x.values[i]!));
        return slope * (roundings[i]! + ULP * value) + value * slopeError(activation, x.values[i]!);
      });
      graph.expect('xGradient', xGradient!, expected, allowed);
      if (activation !== 'identity') {
        // Only what needs the activation's output computes it.
        const saved = activation === 'silu' || activation === 'gelu' ? [] : ['unary'];
        const label = 'gradient matmul/matmul+activationGradient';
        graph.labels = [...saved, ...plannedLabels(label, adapterClass, [rows, inner, columns])];
      }
    },
  };
}

/** The weight and bias gradients of a layer from one dispatch: a' g and the sums of g's columns. */
function columnSumCase(size: Size, adapterClass: AdapterClass): KernelCase {
  const [rows, inner, columns] = size;
  return {
    name: `column sums M=${rows} K=${inner} N=${columns} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const a = randomNormal([inner, rows], 1);
      const b = randomNormal([rows, columns], 2);
      const bias = randomNormal([columns], 3);
      const g = randomNormal([inner, columns], 4);
      const tensors = [graph.input('a', a), graph.input('b', b), graph.input('bias', bias)] as const;
      const y = add(matmul(tensors[0], tensors[1]), tensors[2]);
      const loss = sum(multiply(y, graph.input('g', g)));
      const [weightGradient, biasGradient] = gradient(loss, [tensors[1], tensors[2]]);
      const expected = matmulBackward(a, b, { bias }, g);
      const magnitudes = matmulBackward(absolute(a), absolute(b), { bias }, absolute(g));
      graph.expect(
        'weightGradient',
        weightGradient!,
        expected.bGradient,
        dotTolerance(inner, magnitudes.bGradient),
      );
      graph.expect(
        'biasGradient',
        biasGradient!,
        expected.biasGradient,
        dotTolerance(inner, magnitudes.biasGradient),
      );
      const label = 'gradient matmul/matmul+columnSum';
      const split = plannedLabels(label, adapterClass, size);
      graph.labels = split.length > 1 ? [...split, label] : split; // a sum for each of the two partial results
    },
  };
}

/** A product whose inner axis is cut takes a second dispatch that adds the pieces. */
function plannedLabels(label: string, adapterClass: AdapterClass, [, inner]: Size): string[] {
  return inner >= 2 * 256 ? [label, label] : [label];
}

function absolute({ shape, values }: F64): F64 {
  return { shape, values: values.map(Math.abs) };
}

export const epilogueCases: readonly KernelCase[] = matmulClasses.flatMap((adapterClass) => [
  ...sizes.flatMap((size) =>
    activationNames.map((activation) => layerCase(size, activation, true, adapterClass)),
  ),
  ...(['identity', 'tanh'] as const).flatMap((activation) => [
    layerCase([8, 12, 16], activation, false, adapterClass),
    layerCase(splitSize, activation, true, adapterClass),
  ]),
  ...sizes.flatMap((size) =>
    activationNames.map((activation) => derivativeCase(size, activation, adapterClass)),
  ),
  derivativeCase(splitSize, 'sigmoid', adapterClass),
  columnSumCase([12, 16, 20], adapterClass),
  columnSumCase([33, 17, 65], adapterClass), // two rows of workgroups: only the first may write the sums
  columnSumCase([68, 8, 36], adapterClass),
  columnSumCase([5, 1030, 7], adapterClass),
  columnSumCase([4, 1024, 8], adapterClass),
  columnSumCase([3, 5, 8129], adapterClass), // tiles of 64 columns on a GPU
  columnSumCase([4, 8, 8132], adapterClass),
]);
