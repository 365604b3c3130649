/**
 * Matrix product with the transposes, the bias and the activation that a dense layer needs. Beside the value
 * stands `sum |a||b|`: a float32 dot product is only as accurate as that sum times its length times 2^-24, so
 * the bound of a kernel test is made from it.
 */
import { ShapeError } from '../../src/gpu/errors.js';
import { activate, activateBackward, type Activation } from './activation.js';
import { map, size, zeros, type F64 } from './tensor.js';

/** `op(A)` is `A` or its transpose; `bias` is `f64[N]`. */
export interface MatmulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
  bias?: F64;
  activation?: Activation;
}

/**
 * `Y = activation(op(A) op(B) + bias)`: op(A) `f64[M, K]`, op(B) `f64[K, N]` -> `f64[M, N]`.
 * A dense layer on PyTorch's `[out, in]` weight is `matmul(x, weight, { transposeB: true, bias })`.
 * @throws ShapeError when the inner sizes differ or the bias is not `f64[N]`.
 */
export function matmul(a: F64, b: F64, options: MatmulOptions = {}): F64 {
  return activate(affine(a, b, options), options.activation ?? 'identity');
}

/** `sum_k |op(A)_mk| |op(B)_kn| + |bias_n|`, `f64[M, N]`: the scale of the rounding error before the activation. */
export function matmulMagnitude(a: F64, b: F64, options: MatmulOptions = {}): F64 {
  return affine(absolute(a), absolute(b), {
    ...options,
    ...(options.bias && { bias: absolute(options.bias) }),
  });
}

/**
 * Vector-Jacobian product of `matmul` for `yGradient` `f64[M, N]`. With `G = yGradient * activation'(P)` and
 * P the value before the activation: `op(A)Gradient = G op(B)'`, `op(B)Gradient = op(A)' G`, biasGradient =
 * column sums of G. Gradients have the shapes of `a`, `b` and `bias`.
 */
export function matmulBackward(
  a: F64,
  b: F64,
  options: MatmulOptions,
  yGradient: F64,
): { aGradient: F64; bGradient: F64; biasGradient: F64 } {
  const { transposeA = false, transposeB = false, activation = 'identity' } = options;
  const g =
    activation === 'identity' ? yGradient : activateBackward(affine(a, b, options), activation, yGradient);
  const aGradient = transposeA
    ? affine(b, g, { transposeA: transposeB, transposeB: true })
    : affine(g, b, { transposeB: !transposeB });
  const bGradient = transposeB
    ? affine(g, a, { transposeA: true, transposeB: transposeA })
    : affine(a, g, { transposeA: !transposeA });
  return { aGradient, bGradient, biasGradient: columnSums(g) };
}

function absolute(x: F64): F64 {
  return map(x, Math.abs);
}

/** `op(A) op(B) + bias`, the triple loop; strides stand for the transposes. */
function affine(a: F64, b: F64, options: MatmulOptions): F64 {
  const { transposeA = false, transposeB = false, bias } = options;
  const [M, K] = transposeA ? [size(a, 1), size(a, 0)] : [size(a, 0), size(a, 1)];
  const [innerB, N] = transposeB ? [size(b, 1), size(b, 0)] : [size(b, 0), size(b, 1)];
  if (innerB !== K || (bias && bias.values.length !== N))
    throw new ShapeError(
      'reference matmul',
      `op(A) is f64[${M}, ${K}], op(B) is f64[${innerB}, ${N}], bias has ${bias?.values.length ?? 'no'} values; ` +
        'expected equal inner sizes and a bias of one value a column; check the transposes',
    );
  const [aRow, aColumn] = transposeA ? [1, M] : [K, 1];
  const [bRow, bColumn] = transposeB ? [1, K] : [N, 1];
  const y = zeros([M, N]);
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = bias ? bias.values[n]! : 0;
      for (let k = 0; k < K; k++)
        sum += a.values[m * aRow + k * aColumn]! * b.values[k * bRow + n * bColumn]!;
      y.values[m * N + n] = sum;
    }
  return y;
}

/** `sum_m g_mn`: `f64[M, N]` -> `f64[N]`. */
function columnSums(g: F64): F64 {
  const N = size(g, 1);
  const sums = zeros([N]);
  g.values.forEach((value, i) => (sums.values[i % N]! += value));
  return sums;
}
