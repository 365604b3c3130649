/**
 * Optimizer updates of the flat weight buffer: one dispatch over all parameters, three when the gradient is
 * clipped by its global norm. These are effects, not graph ops: a plan runs them after everything else.
 */
import { dispatch, elementGrid, type Dispatch, type DispatchContext } from '../dispatch.js';
import type { Tensor } from '../graph.js';
import { ceilDivide } from '../shape.js';
import { sumDispatches } from './sum.js';

export type UpdateRule = 'adam' | 'sgd' | 'adagrad';

export interface UpdateSettings {
  readonly rule: UpdateRule;
  /** Adam's beta1, SGD's momentum. */
  readonly beta1: number;
  readonly beta2: number;
  /** Global norm to clip to; 0 for none. */
  readonly maxNorm: number;
}

/** Flat buffers a rule keeps between steps, all as long as the weights. */
export function momentNames(rule: UpdateRule): readonly ('moment1' | 'moment2')[] {
  return { adam: ['moment1', 'moment2'], sgd: ['moment1'], adagrad: ['moment2'] }[rule] as (
    'moment1' | 'moment2'
  )[];
}

/** Workgroups of the squared-norm pass; their partial sums are added in order. */
const NORM_WORKGROUPS = 64;

/** The update's dispatches for flat buffers of `length` f32 (a multiple of 4). */
export function updateDispatches(
  settings: UpdateSettings,
  length: number,
  context: DispatchContext,
): Dispatch[] {
  const count = length / 4;
  const dispatches: Dispatch[] = [];
  let squaredNorm: Tensor | undefined;
  if (settings.maxNorm > 0) {
    squaredNorm = context.temporary([1]);
    dispatches.push(...normDispatches(squaredNorm, count, context));
  }
  const moments = momentNames(settings.rule);
  const moment = (name: 'moment1' | 'moment2'): { resource: string } | 'unused' =>
    moments.includes(name) ? { resource: name } : 'unused';
  const buffers = 2 + 2 * moments.length;
  dispatches.push(
    dispatch(settings.rule, {
      bindings: {
        gradients: { resource: 'gradients' },
        squared_norm: squaredNorm ?? 'unused',
        weights: { resource: 'weights' },
        moment1: moment('moment1'),
        moment2: moment('moment2'),
        refused: { resource: 'refused' },
      },
      parameters: {
        count,
        beta1: settings.beta1,
        complement1: 1 - settings.beta1,
        complement2: 1 - settings.beta2,
        max_norm: settings.maxNorm,
      },
      workgroups: elementGrid(count),
      cost: {
        flops: 14 * length,
        bytesRead: 4 * length * (buffers / 2 + 1),
        bytesWritten: 4 * length * (buffers / 2),
      },
    }),
  );
  return dispatches;
}

function normDispatches(squaredNorm: Tensor, count: number, context: DispatchContext): Dispatch[] {
  const workgroups = Math.min(NORM_WORKGROUPS, ceilDivide(count, 64));
  const partials = context.temporary([workgroups]);
  return [
    dispatch('squared_norm', {
      bindings: { x: { resource: 'gradients' }, partials },
      parameters: { count },
      workgroups: [workgroups, 1, 1],
      cost: { flops: 8 * count, bytesRead: 16 * count, bytesWritten: 4 * workgroups },
    }),
    ...sumDispatches(partials, squaredNorm, 1, workgroups, 1, context),
  ];
}
