/**
 * Plan: what a training run does at which step, as plain data. Schedules: values at chosen steps by their formulas, the
 * warning exactly when no step has the end value (counted out step by step), what is refused. Schemes: turns and the
 * steps of each phase, counted out. Estimators: fields that do not belong to a type.
 */
import { expect, test } from '@playwright/test';
import { SpecError } from '../../src/gpu/errors.js';
import { checkEstimator } from '../../src/vae/estimator-spec.js';
import { checkSchedule, scheduledValue, unreachedEnd, type Schedule } from '../../src/vae/schedule.js';
import { schemeSpec, turnOf } from '../../src/vae/training-plan.js';

const linear = { type: 'linear', from: 0, to: 4, steps: 10 } as const;
const cyclical = { type: 'cyclical', from: 0, to: 1, steps: 8 } as const;

/** [schedule, [step, value]...] */
const values: readonly (readonly [string, Schedule, ...(readonly [number, number])[]])[] = [
  ['a number', 0.5, [0, 0.5], [1e6, 0.5]],
  ['linear', linear, [0, 0], [1, 0.4], [5, 2], [9, 3.6], [10, 4], [11, 4], [1e6, 4]],
  ['linear, falling', { ...linear, from: 4, to: 1 }, [0, 4], [5, 2.5], [10, 1], [99, 1]],
  ['linear with a delay', { ...linear, delay: 3 }, [0, 0], [3, 0], [4, 0.4], [13, 4], [14, 4]],
  ['cyclical', cyclical, [0, 0], [1, 0.25], [4, 1], [7, 1], [8, 0], [9, 0.25], [20, 1]],
  ['cyclical, a rise of a quarter', { ...cyclical, rise: 0.25 }, [0, 0], [1, 0.5], [2, 1], [10, 1]],
  ['a function', (step) => step / 4, [0, 0], [3, 0.75]],
];

for (const [name, schedule, ...points] of values)
  test(`values: ${name}`, () => {
    const checked = checkSchedule(schedule, 'beta');
    for (const [step, value] of points)
      expect(scheduledValue(checked, step, 'beta'), `step ${step}`).toBeCloseTo(value, 12);
  });

test.describe('the warning comes exactly when no step has the end value', () => {
  const schedules: Record<string, Exclude<Schedule, number | ((step: number) => number)>> = {
    linear,
    'linear with a delay': { ...linear, delay: 3 },
    cyclical,
    'cyclical, a rise of a third': { ...cyclical, rise: 1 / 3 },
    'cyclical, a rise of a whole cycle': { ...cyclical, rise: 1 },
    'cyclical, a rise of nearly a cycle': { ...cyclical, rise: 0.9 },
  };
  for (const [name, schedule] of Object.entries(schedules))
    test(name, () => {
      for (let steps = 1; steps <= 40; steps++) {
        const reached = Array.from({ length: steps }, (_, step) =>
          scheduledValue(schedule, step, 'beta'),
        ).includes(schedule.to);
        expect(unreachedEnd(schedule, steps, 'beta') === undefined, `${steps} steps`).toBe(reached);
      }
    });

  test('it says the value, the end and what to do', () => {
    expect(unreachedEnd(linear, 6, 'beta')).toBe(
      'beta ends at 2.00 and never reaches 4: it needs 11 steps and training has 6; shorten it or train longer',
    );
    expect(unreachedEnd({ ...cyclical, rise: 1 }, 100, 'beta')).toBe(
      'beta never reaches 1: its rise takes all 8 steps of a cycle; make rise smaller',
    );
  });

  test('a number and a function have no end', () => {
    expect(unreachedEnd(0.5, 1, 'beta')).toBeUndefined();
    expect(unreachedEnd((step) => step, 1, 'beta')).toBeUndefined();
  });
});

test('what is no schedule is refused', () => {
  const refused: readonly unknown[] = [
    -1,
    Number.NaN,
    'warm-up',
    { type: 'linear', from: 0, to: 1 },
    { ...linear, rise: 0.5 },
    { ...cyclical, delay: 1 },
    { ...cyclical, rise: 0 },
    { ...cyclical, rise: 1.5 },
    { ...linear, type: 'cosine' },
    { ...linear, until: 3 },
  ];
  for (const value of refused) expect(() => checkSchedule(value, 'beta'), String(value)).toThrow(SpecError);
  expect(() => scheduledValue(() => Number.NaN, 7, 'beta')).toThrow(
    '[beta] at step 7 is NaN; expected a number of at least 0',
  );
});

test('an alternating scheme takes turns, and each phase counts its own steps', () => {
  const scheme = schemeSpec({ type: 'alternating', encoderSteps: 2, decoderSteps: 3 });
  const order = [0, 0, 1, 1, 1];
  const taken = [0, 0];
  for (let step = 0; step < 23; step++) {
    const phase = order[step % 5]!;
    expect(turnOf(scheme, step), `step ${step}`).toEqual({ phase, t: ++taken[phase]! });
  }
  expect(turnOf({ type: 'joint' }, 6)).toEqual({ phase: 0, t: 7 });
});

test('what is no scheme is refused', () => {
  for (const value of [
    { type: 'em' },
    { type: 'alternating' },
    { type: 'alternating', encoderSteps: 0, decoderSteps: 1 },
  ])
    expect(() => schemeSpec(value)).toThrow(SpecError);
});

test('an estimator is refused fields of others, groups that do not divide and a baseline of one sample', () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    ['C', /^\[estimator\] is "C"; expected 'A', 'B' or \{ type \}/],
    [{ type: 'vimco' }, /estimator.type/],
    [{ type: 'iwae', groups: 2 }, /iwae has no groups; it may have type, doubly/],
    [{ type: 'ciwae', mix: 0.5, doubly: true }, /ciwae has no doubly/],
    [{ type: 'iwae', doubly: 1 }, /estimator.doubly\] is 1; expected true or false/],
    [{ type: 'miwae', groups: 4 }, /is 4; expected a divisor of the 6 samples/],
    [{ type: 'ciwae', mix: 1.1 }, /estimator.mix/],
    [{ type: 'score-function', baseline: 'moving' }, /estimator.baseline/],
  ];
  for (const [value, message] of refused) expect(() => checkEstimator(value, 6)).toThrow(message);
  expect(() => checkEstimator({ type: 'score-function', baseline: 'leave-one-out' }, 1)).toThrow(
    /needs 2 samples or more, samples is 1/,
  );
  expect(checkEstimator({ type: 'miwae', groups: 3 }, 6)).toEqual({
    type: 'miwae',
    groups: 3,
    doubly: false,
  });
});
