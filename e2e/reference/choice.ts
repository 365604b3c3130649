/** Choices: the column of a row's smallest value, one-hot rows, and the codeword nearest to a row. */
import { map, size, zeros, type F64 } from './tensor.js';

/** The column of the smallest value of every row of `f64[R, C]`; of equal values the first: `f64[R]`. */
export function lowest(x: F64): F64 {
  const width = size(x, 1);
  return map(zeros([size(x, 0)]), (_, row) => {
    const values = x.values.subarray(row * width, (row + 1) * width);
    return values.indexOf(values.reduce((a, b) => Math.min(a, b)));
  });
}

/** `y[i, c] = 1` where c is the class of element i. */
export function oneHot(x: F64, classes: number): F64 {
  const y = zeros([...x.shape, classes]);
  x.values.forEach((value, i) => {
    if (Number.isInteger(value) && value >= 0 && value < classes) y.values[i * classes + value] = 1;
  });
  return y;
}

/** `sum_d (x_rd - e_cd)^2`: `f64[R, C]` for x `f64[R, D]` and a codebook `f64[C, D]`. */
export function squaredDistances(x: F64, codebook: F64): F64 {
  const [C, D] = [size(codebook, 0), size(codebook, 1)];
  return map(zeros([size(x, 0), C]), (_, i) => {
    const [row, word] = [Math.floor(i / C), i % C];
    let total = 0;
    for (let d = 0; d < D; d++) total += (x.values[row * D + d]! - codebook.values[word * D + d]!) ** 2;
    return total;
  });
}
