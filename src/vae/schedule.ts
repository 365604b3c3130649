/**
 * Weights that change with the step, as plain data: warm-up (Bowman et al. 2016, Sonderby et al. 2016), cycles (Fu et al.
 * 2019), a capacity that grows (Burgess et al. 2018).
 */
import { integer, numberIn, record, show } from '../gpu/check.js';
import { SpecError } from '../gpu/errors.js';

/** A weight that goes from one value to another in `steps` steps, after `delay` of them. */
export interface LinearSchedule {
  readonly type: 'linear';
  readonly from: number;
  readonly to: number;
  /** Steps from `from` to `to`; the value stays at `to` behind them. */
  readonly steps: number;
  /** Steps at `from` before. */
  readonly delay?: number;
}

/** `from` to `to` over the first `rise` of every cycle of `steps`, `to` for the rest of it. */
export interface CyclicalSchedule {
  readonly type: 'cyclical';
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  /** Share of a cycle in (0, 1]; 0.5 by default. */
  readonly rise?: number;
}

/** A number, plain data, or a function of the step (0, 1, ...), which no file can keep. */
export type Schedule = number | LinearSchedule | CyclicalSchedule | ((step: number) => number);

const LIMIT = 1e6;

/** @throws SpecError for what is not a schedule of numbers in [0, 1e6) */
export function checkSchedule(value: unknown, where: string): Schedule {
  if (typeof value === 'function') return value as (step: number) => number;
  if (typeof value === 'number') return numberIn(value, where, 0, LIMIT);
  const spec = record(value, where, ['type', 'from', 'to', 'steps', 'delay', 'rise']);
  const ends = {
    from: numberIn(spec['from'], `${where}.from`, 0, LIMIT),
    to: numberIn(spec['to'], `${where}.to`, 0, LIMIT),
    steps: integer(spec['steps'], `${where}.steps`, 1, 2 ** 31),
  };
  const { type, delay, rise } = spec;
  if (type === 'linear' && rise === undefined)
    return { type, ...ends, delay: integer(delay ?? 0, `${where}.delay`, 0, 2 ** 31) };
  if (type === 'cyclical' && delay === undefined)
    return { type, ...ends, rise: numberIn(rise ?? 0.5, `${where}.rise`, 1e-6, 1 + 1e-9) };
  throw new SpecError(
    where,
    `is ${show(value)}; expected { type: 'linear', from, to, steps, delay? } or { type: 'cyclical', from, to, steps, rise? }`,
  );
}

/** The value at a step. @throws SpecError when a function returns something that is no weight */
export function scheduledValue(schedule: Schedule, step: number, where: string): number {
  if (typeof schedule === 'number') return schedule;
  if (typeof schedule === 'function') {
    const value = schedule(step);
    if (!(value >= 0 && value < LIMIT))
      throw new SpecError(where, `at step ${step} is ${value}; expected a number of at least 0`);
    return value;
  }
  const { from, to } = schedule;
  return from + (to - from) * progress(schedule, step);
}

/** How far from `from` to `to`, 0 to 1. */
function progress(schedule: LinearSchedule | CyclicalSchedule, step: number): number {
  if (schedule.type === 'linear')
    return Math.min(1, Math.max(0, (step - (schedule.delay ?? 0)) / schedule.steps));
  return Math.min(1, (step % schedule.steps) / ((schedule.rise ?? 0.5) * schedule.steps));
}

/** Says so when training of `steps` steps never has a schedule's end value, `undefined` otherwise. */
export function unreachedEnd(schedule: Schedule, steps: number, where: string): string | undefined {
  if (typeof schedule !== 'object' || steps < 1) return undefined;
  const { to } = schedule;
  const isLinear = schedule.type === 'linear';
  const rise = Math.ceil(isLinear ? schedule.steps : (schedule.rise ?? 0.5) * schedule.steps);
  // A cycle ends before the step that would be its end: rise 1 comes near `to` and starts again.
  if (!isLinear && rise >= schedule.steps)
    return `${where} never reaches ${to}: its rise takes all ${rise} steps of a cycle; make rise smaller`;
  const needed = rise + (isLinear ? (schedule.delay ?? 0) : 0) + 1;
  if (steps >= needed) return undefined;
  const last = scheduledValue(schedule, steps - 1, where);
  return `${where} ends at ${last.toPrecision(3)} and never reaches ${to}: it needs ${needed} steps and training has ${steps}; shorten it or train longer`;
}
