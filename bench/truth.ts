/**
 * The float64 losses that every peer's losses are held to. PyTorch computes them anew where it can;
 * losses.json holds the same numbers for machines without it, and the two must agree.
 */
import { readFileSync } from 'node:fs';
import { DataError } from '../src/gpu/errors.js';
import { torchLosses } from './torch.js';
import { TRUTH_STEPS } from './workloads.js';

const FILE = new URL('losses.json', import.meta.url);
/** Float64 sums in another order move a loss by about 1e-13; more than this means other data. */
const TOLERANCE = 1e-9;

/** The first losses in float64; throws when PyTorch and the file disagree. */
export function trueLosses(python: string | undefined): number[] {
  const stored: number[] = JSON.parse(readFileSync(FILE, 'utf8'));
  if (python === undefined) return stored;
  const computed = torchLosses(python);
  const difference = lossError(
    computed.map((loss, i) => [i, loss] as const),
    stored,
  ).worst;
  if (difference > TOLERANCE || stored.length !== computed.length) {
    const cure = `python3 bench/reference.py truth out/bench-data ${TRUTH_STEPS} > bench/losses.json`;
    throw new DataError(
      'bench',
      `losses.json is off by ${difference.toExponential(1)} from PyTorch in float64; ` +
        `${TOLERANCE} is allowed; if the task was changed on purpose, run: ${cure}`,
    );
  }
  return computed;
}

/** Largest |loss - truth| / truth over the steps that the truth covers, and how many those were; NaN of none. */
export function lossError(
  losses: readonly (readonly [step: number, loss: number])[],
  truth: readonly number[],
): { worst: number; compared: number } {
  let worst = 0;
  let compared = 0;
  for (const [step, loss] of losses) {
    const expected = truth[step];
    if (expected === undefined) continue;
    const error = Math.abs(loss - expected) / Math.abs(expected);
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
    compared++;
  }
  return { worst: compared === 0 ? NaN : worst, compared };
}
