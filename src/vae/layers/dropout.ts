/** Dropout as a layer: only graphs for training contain it. */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { dropout as dropoutOp } from '../../gpu/ops/dropout.js';

/** Mixed into the seed ("dro"), so that masks differ from the latent noise and the binarisation of the same step. */
const DROPOUT_TAG = 0x64726f00;

/** Any shape to itself; the identity unless `training` is given. */
export interface DropoutLayer {
  (x: Tensor, training?: object): Tensor;
}

/** `index` counts the model's dropout layers, so that each draws a mask of its own. */
export function dropout(name: string, rate: number, index: number): DropoutLayer {
  return (x, training) => (training ? scoped(name, () => dropoutOp(x, rate, DROPOUT_TAG + index)) : x);
}
