/**
 * The float64 losses that every peer's losses are held to. PyTorch computes them anew where it can; losses.json holds
 * the same numbers for machines without it, and the two must agree.
 */
import { readFileSync } from 'node:fs';
import { DataError } from '../src/gpu/errors.js';
import { referenceArguments, torchLosses, type TruthSource } from './torch.js';
import { CONV, type WorkloadName } from './workloads.js';

const FILE = new URL('losses.json', import.meta.url);
/** Float64 sums in another order move a loss by about 1e-13; more than this means other data. */
const TOLERANCE = 1e-9;

/** Enough steps to see a wrong gradient; the convolutional ones take PyTorch up to a second each. */
const SOURCES: Readonly<Record<string, TruthSource>> = {
  'dense-step': { workload: 'dense-step', steps: 60 },
  'conv-step': { workload: 'conv-step', steps: 20 },
  'conv-step by reshape': { workload: 'conv-step', steps: 20, byReshape: true },
  'conv-batch 16': { workload: 'conv-step', steps: 20, batchSize: 16 },
  'conv-batch 256': { workload: 'conv-step', steps: 5, batchSize: 256 },
};

/** The name of the losses that a peer must have on a workload. */
function sourceName(workload: WorkloadName, peer: string): string {
  const [, suffix = ''] = /^webgpu-vae (?:batch )?(.*)$/.exec(peer) ?? [];
  if (suffix === String(CONV.batchSize)) return 'conv-step';
  return suffix === '' ? workload : `${workload} ${suffix}`;
}

/** Losses in float64 by workload and peer. */
export class Truth {
  readonly #stored: Record<string, number[]> = JSON.parse(readFileSync(FILE, 'utf8'));
  readonly #checked = new Set<string>();
  readonly #python: string | undefined;

  constructor(python: string | undefined) {
    this.#python = python;
  }

  /** The losses of `peer`'s model; empty for a workload without. @throws DataError when PyTorch and the file disagree */
  losses(workload: WorkloadName, peer: string): readonly number[] {
    const name = sourceName(workload, peer);
    const source = SOURCES[name];
    if (!source) return [];
    const stored = this.#stored[name] ?? [];
    if (this.#python === undefined || this.#checked.has(name)) return stored;
    this.#checked.add(name);
    requireEqual(name, source, torchLosses(this.#python, source), stored);
    return stored;
  }
}

function requireEqual(name: string, source: TruthSource, computed: number[], stored: number[]): void {
  const { worst } = lossError(
    computed.map((loss, i) => [i, loss] as const),
    stored,
  );
  if (worst <= TOLERANCE && stored.length === computed.length) return;
  const cure = `python3 bench/reference.py ${referenceArguments(source).join(' ')}`;
  throw new DataError(
    'bench',
    `'${name}' of losses.json is off by ${worst.toExponential(1)} from PyTorch in float64; ` +
      `${TOLERANCE} is allowed; if the task was changed on purpose, put there what this prints: ${cure}`,
  );
}

/** Where losses leave the truth. */
export interface LossError {
  /** Largest |loss - truth| / truth over the steps that the truth covers; NaN of none. */
  readonly worst: number;
  /** Step of the largest. */
  readonly step: number;
  /** Losses that were compared. */
  readonly compared: number;
  /** First step that is further from the truth than float32 allows. */
  readonly wrongStep: number | undefined;
}

/** Float32 steps drift apart: about 1e-5 in 60 steps where gradients are right, 1e-3 after one where they are not. */
function allowedError(step: number): number {
  return Math.min(2e-5 * (1 + step), 1e-3);
}

/** Compares losses with the truth. */
export function lossError(
  losses: readonly (readonly [step: number, loss: number])[],
  truth: readonly number[],
): LossError {
  let [worst, worstStep, compared] = [NaN, NaN, 0];
  let wrongStep: number | undefined;
  for (const [step, loss] of losses) {
    const expected = truth[step];
    if (expected === undefined) continue;
    const difference = Math.abs(loss - expected) / Math.abs(expected);
    const error = Number.isNaN(difference) ? Infinity : difference;
    if (!(error <= worst)) [worst, worstStep] = [error, step];
    if (error > allowedError(step)) wrongStep ??= step;
    compared++;
  }
  return { worst, step: worstStep, compared, wrongStep };
}
