/** What a likelihood is, and how those of several numbers an element see the decoder's output and the data. */
import type { Tensor } from '../../gpu/graph.js';
import { reshape } from '../../gpu/ops/constant.js';
import { sum } from '../../gpu/ops/sum.js';
import { slice } from '../../gpu/ops/window.js';

/** With P outputs an element (`outputsPerElement`), which lie side by side: f32[R, D*P] is f32[R, D, P]. */
export interface Likelihood {
  /** log p(x | z): f32[R] nats a row from the decoder's output f32[R, D*P] and data f32[B, D], R a multiple of B. */
  logDensity(output: Tensor, x: Tensor): Tensor;
  /** What a picture shows, f32[R, D] in the units of the data: the mean of p(x | z), or the most likely class. */
  mean(output: Tensor): Tensor;
}

/** f32[R, D*P] -> f32[R, D, P]. */
export function parametersOf(output: Tensor, perElement: number): Tensor {
  const [rows, width] = output.shape as [number, number];
  return reshape(output, [rows, width / perElement, perElement]);
}

/** `count` parameters of every element from the `first`: of f32[..., P] the f32[..., count]. */
export function part(parameters: Tensor, first: number, count = 1): Tensor {
  return slice(parameters, parameters.shape.length - 1, first, count);
}

/** The output as f32[S, B, D, P] beside the data as f32[1, B, D, 1]: row r belongs to datum r mod B. */
export function aligned(output: Tensor, x: Tensor, perElement: number): { parameters: Tensor; data: Tensor } {
  const [batch, width] = x.shape as [number, number];
  return {
    parameters: reshape(output, [output.shape[0]! / batch, batch, width, perElement]),
    data: reshape(x, [1, batch, width, 1]),
  };
}

/** Log densities of elements f32[S, B, D, 1] -> of rows f32[S*B]. */
export function rowsOf(elements: Tensor): Tensor {
  const [samples, batch] = elements.shape as [number, number];
  return reshape(sum(elements, [2, 3]), [samples * batch]);
}
