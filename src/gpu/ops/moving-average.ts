/**
 * Exponential moving averages: average += (1 - decay) (fresh - average). Like the optimizer's update they are effects, not
 * graph ops: a plan moves them after everything that reads them.
 */
import { dispatch, elementGrid, type Dispatch } from '../dispatch.js';
import { ShapeError, SpecError } from '../errors.js';
import type { Tensor } from '../graph.js';
import { describeShape, elementCount, sameShape } from '../shape.js';

export interface MovingAverage {
  /** A tensor of the plan's state. */
  readonly average: Tensor;
  /** What it moves towards, of the same shape. */
  readonly fresh: Tensor;
  /** What a step keeps of the average, in [0, 1). */
  readonly decay: number;
}

/** @throws ShapeError, SpecError */
export function averageDispatch({ average, fresh, decay }: MovingAverage): Dispatch {
  if (!sameShape(average.shape, fresh.shape))
    throw new ShapeError(
      'movingAverage',
      `fresh is ${describeShape(fresh.shape)}; expected the average's ${describeShape(average.shape)}; reshape() it`,
    );
  if (!(decay >= 0 && decay < 1))
    throw new SpecError('movingAverage', `decay is ${decay}; expected a number in [0, 1)`);
  const count = elementCount(average.shape);
  return dispatch('moving_average', {
    bindings: { fresh, average },
    parameters: { count, share: 1 - decay },
    workgroups: elementGrid(count),
    cost: { flops: 3 * count, bytesRead: 8 * count, bytesWritten: 4 * count },
  });
}
