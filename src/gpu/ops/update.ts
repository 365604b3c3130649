/**
 * Optimizer updates of the flat weight buffer: one dispatch over neighbouring parameters, more when the gradient is
 * clipped by its global norm. These are effects, not graph ops: a plan runs them after everything else.
 */
import { dispatch, elementGrid, type Dispatch, type DispatchContext } from '../dispatch.js';
import type { Tensor } from '../graph.js';
import type { FlatRange } from '../parameters.js';
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

/** The update's dispatches for ranges of the flat buffers, whose ends are multiples of 4; they share one norm. */
export function updateDispatches(
  settings: UpdateSettings,
  ranges: readonly FlatRange[],
  context: DispatchContext,
): Dispatch[] {
  if (!(settings.maxNorm > 0)) return ranges.map((range) => updateDispatch(settings, range, 'unused'));
  const squaredNorm = context.temporary([1]);
  return [
    ...normDispatches(squaredNorm, ranges, context),
    ...ranges.map((range) => updateDispatch(settings, range, squaredNorm)),
  ];
}

function updateDispatch(
  settings: UpdateSettings,
  { first, length }: FlatRange,
  squaredNorm: Tensor | 'unused',
): Dispatch {
  const count = length / 4;
  const moments = momentNames(settings.rule);
  const moment = (name: 'moment1' | 'moment2'): { resource: string } | 'unused' =>
    moments.includes(name) ? { resource: name } : 'unused';
  const buffers = 2 + 2 * moments.length;
  return dispatch(settings.rule, {
    bindings: {
      gradients: { resource: 'gradients' },
      squared_norm: squaredNorm,
      weights: { resource: 'weights' },
      moment1: moment('moment1'),
      moment2: moment('moment2'),
      refused: { resource: 'refused' },
    },
    parameters: {
      first: first / 4,
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
  });
}

/** The squared norm of several ranges: partial sums of each, one behind the other's, then their sum. */
function normDispatches(
  squaredNorm: Tensor,
  ranges: readonly FlatRange[],
  context: DispatchContext,
): Dispatch[] {
  const groups = ranges.map(({ length }) => Math.min(NORM_WORKGROUPS, ceilDivide(length / 4, 64)));
  const total = groups.reduce((sum, count) => sum + count, 0);
  const partials = context.temporary([total]);
  let written = 0;
  const dispatches = ranges.map(({ first, length }, index) => {
    const workgroups = groups[index]!;
    const offset = written;
    written += workgroups;
    return dispatch('squared_norm', {
      bindings: { x: { resource: 'gradients' }, partials },
      parameters: { first: first / 4, count: length / 4, offset },
      workgroups: [workgroups, 1, 1],
      cost: { flops: 2 * length, bytesRead: 4 * length, bytesWritten: 4 * workgroups },
    });
  });
  return [...dispatches, ...sumDispatches(partials, squaredNorm, 1, total, 1, context)];
}
