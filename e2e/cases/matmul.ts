/**
 * Plan: the matrix product and its gradients.
 * - transposition NN, TN, NT (control: NN), on the register, the quad and the workgroup kernels;
 * - sizes: 1, around 4 (the vec4), 8 and 16 (register tiles), 32 (workgroup tile), one past each, aligned to 4 and not;
 * - a long inner axis, which is cut into pieces, and grids large enough for the largest workgroup tile;
 * - the product that TensorFlow.js 4.22 gets wrong, as a product and where it occurs: in a layer's gradient.
 */
import { matmul } from 'webgpu-vae/gpu';
import { matmulBackward, matmulMagnitude, matmul as reference } from '../reference/matmul.js';
import { randomNormal, type F64 } from '../reference/tensor.js';
import { dotTolerance } from '../tolerance.js';
import { matmulClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

export const transpositions = ['NN', 'TN', 'NT'] as const;
export type Transposition = (typeof transpositions)[number];

/** [M, K, N] of a product; K is summed over. */
type Size = readonly [rows: number, inner: number, columns: number];

const sizes: readonly Size[] = [
  [32, 32, 32], // control: whole tiles of every kernel
  [1, 1, 1],
  [1, 4, 4], // a single row of aligned kernels
  [4, 4, 4],
  [8, 8, 8],
  [12, 20, 12], // between tiles, aligned
  [33, 12, 32], // one, two and three rows past a vec4 on aligned kernels
  [6, 8, 12],
  [7, 8, 12],
  [31, 33, 32], // odd inner size
  [33, 31, 33], // one past the workgroup tile
  [36, 64, 36], // the same, aligned
  [5, 3, 65],
  [65, 3, 5],
  [68, 8, 4], // one quad past two tiles of 32 rows
  [36, 8, 68], // the same, past a tile of 64 columns
  [17, 1, 17], // nothing to sum
  [64, 784, 20], // a first layer: a long, aligned inner axis
];

/** Inner axes of two or more pieces: even ones, a last piece of 1, aligned and not. */
const splitSizes: readonly Size[] = [
  [4, 1024, 4],
  [3, 1025, 5],
  [2, 515, 33],
];

/** 128 tiles of 64 x 64, the smallest grid that a GPU gets the large tile for; all four quarters of it are used. */
const wideSizes: readonly Size[] = [
  [33, 3, 8129],
  [8132, 4, 36],
];

/**
 * The gradient through a small latent's dense layer to 7x7x64, `g[64, 3136] w[16, 3136]'`: TensorFlow.js 4.22 (WebGPU)
 * reads its split right operand along the wrong axis when the inner size is 2,000 or more. Its neighbours: columns that
 * are no multiple of 4, an inner size that is none, and both sides of 2,000.
 */
const latentSizes: readonly Size[] = [
  [64, 3136, 16],
  [64, 3136, 15],
  [64, 3134, 16],
  [64, 1999, 16],
  [64, 2000, 16],
];

const transposeOptions = {
  NN: {},
  TN: { transposeA: true },
  NT: { transposeB: true },
} as const;

/** a and b as stored for a transposition. */
export function operands([rows, inner, columns]: Size, transposition: Transposition): { a: F64; b: F64 } {
  return {
    a: randomNormal(transposition === 'TN' ? [inner, rows] : [rows, inner], 1),
    b: randomNormal(transposition === 'NT' ? [columns, inner] : [inner, columns], 2),
  };
}

function productCase(size: Size, transposition: Transposition, adapterClass: AdapterClass): KernelCase {
  const [rows, inner, columns] = size;
  return {
    name: `matmul ${transposition} M=${rows} K=${inner} N=${columns} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { a, b } = operands(size, transposition);
      const options = transposeOptions[transposition];
      const product = matmul(graph.input('a', a), graph.input('b', b), transposition);
      graph.expect(
        'product',
        product,
        reference(a, b, options),
        dotTolerance(inner, matmulMagnitude(a, b, options)),
      );
    },
  };
}

function gradientCase(size: Size, transposition: Transposition, adapterClass: AdapterClass): KernelCase {
  const [rows, inner, columns] = size;
  return {
    name: `matmul gradient ${transposition} M=${rows} K=${inner} N=${columns} (${adapterClass})`,
    adapterClass,
    build(graph) {
      const { a, b } = operands(size, transposition);
      expectMatmulGradients(graph, size, transposition, a, b);
    },
  };
}

/** Gradients of <cotangent, op(a) op(b)> by a and by b. */
function expectMatmulGradients(
  graph: CaseGraph,
  [rows, , columns]: Size,
  transposition: Transposition,
  a: F64,
  b: F64,
): void {
  const tensors = [graph.input('a', a), graph.input('b', b)] as const;
  const product = matmul(...tensors, transposition);
  const [cotangent, aGradient, bGradient] = graph.pullBack(product, tensors);
  const options = transposeOptions[transposition];
  const expected = matmulBackward(a, b, options, cotangent);
  // The same sums over absolute values are the magnitudes.
  const magnitudes = matmulBackward(absolute(a), absolute(b), options, absolute(cotangent));
  graph.expect('aGradient', aGradient!, expected.aGradient, dotTolerance(columns, magnitudes.aGradient));
  graph.expect('bGradient', bGradient!, expected.bGradient, dotTolerance(rows, magnitudes.bGradient));
}

function absolute({ shape, values }: F64): F64 {
  return { shape, values: values.map(Math.abs) };
}

export const matmulCases: readonly KernelCase[] = matmulClasses.flatMap((adapterClass) => [
  ...transpositions.flatMap((transposition) => [
    ...[...sizes, ...splitSizes].map((size) => productCase(size, transposition, adapterClass)),
    gradientCase([33, 7, 31], transposition, adapterClass),
    gradientCase([8, 12, 16], transposition, adapterClass),
  ]),
  ...wideSizes.map((size) => productCase(size, 'NN', adapterClass)),
  ...latentSizes.map((size) => productCase(size, 'NT', adapterClass)),
  gradientCase([64, 16, 3136], 'NN', adapterClass),
  gradientCase([64, 15, 3134], 'NN', adapterClass),
]);
