/**
 * Single-head attention over the points of an image, `y = softmax(q k' / sqrt(C)) v`, as written: with the matrix of
 * weights `f64[P, P]` of every image. Vaswani et al. 2017, section 3.2.1.
 */
import { softmax, softmaxBackward } from './softmax.js';
import { fromValues, size, type F64 } from './tensor.js';

/** The matrix `f64[rows, columns]` of one image. */
function imageOf(x: F64, image: number): F64 {
  const [rows, columns] = [size(x, 1), size(x, 2)];
  return fromValues([rows, columns], x.values.subarray(image * rows * columns, (image + 1) * rows * columns));
}

/** `scale A B'`, or `scale A B` for `plain`, or `scale A' B` for `transposed`. */
function product(a: F64, b: F64, how: 'rows' | 'plain' | 'transposed', scale = 1): F64 {
  const inner = how === 'transposed' ? size(a, 0) : size(a, 1);
  const [M, N] = [how === 'transposed' ? size(a, 1) : size(a, 0), how === 'rows' ? size(b, 0) : size(b, 1)];
  const y = new Float64Array(M * N);
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++)
      for (let i = 0; i < inner; i++) {
        const left = how === 'transposed' ? a.values[i * M + m]! : a.values[m * inner + i]!;
        const right = how === 'rows' ? b.values[n * inner + i]! : b.values[i * N + n]!;
        y[m * N + n]! += scale * left * right;
      }
  return fromValues([M, N], y);
}

/** The images' results one after the other, `f64[B, rows, columns]`. */
function stack(images: readonly F64[]): F64 {
  const values = images.flatMap((image) => [...image.values]);
  return fromValues([images.length, ...images[0]!.shape], values);
}

function perImage(B: number, f: (image: number) => F64): F64 {
  return stack(Array.from({ length: B }, (_, image) => f(image)));
}

/** The scores `q k' / sqrt(C)`, `f64[B, P, P]`. */
export function scores(q: F64, k: F64): F64 {
  const scale = 1 / Math.sqrt(size(q, 2));
  return perImage(size(q, 0), (b) => product(imageOf(q, b), imageOf(k, b), 'rows', scale));
}

/** `x y`, `x' y` or `x y'` image by image. */
export function products(x: F64, y: F64, how: 'rows' | 'plain' | 'transposed'): F64 {
  return perImage(size(x, 0), (b) => product(imageOf(x, b), imageOf(y, b), how));
}

/** q, k, v `f64[B, P, C]` -> `f64[B, P, C]`. */
export function attention(q: F64, k: F64, v: F64): F64 {
  return products(softmax(scores(q, k)), v, 'plain');
}

/** Vector-Jacobian product: with `W` the weights and `S` the scores, `dV = W' G`, `dW = G V'`, `dQ = dS K / sqrt(C)`. */
export function attentionBackward(q: F64, k: F64, v: F64, yGradient: F64): [F64, F64, F64] {
  const s = scores(q, k);
  const vGradient = products(softmax(s), yGradient, 'transposed');
  const scoresGradient = softmaxBackward(s, products(yGradient, v, 'rows'));
  const scale = 1 / Math.sqrt(size(q, 2));
  const scaled = { shape: scoresGradient.shape, values: scoresGradient.values.map((value) => scale * value) };
  return [products(scaled, k, 'plain'), products(scaled, q, 'transposed'), vGradient];
}
