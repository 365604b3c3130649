/**
 * The factorised prior's logistics as integer tables. They are made from the model's f32 weights by + - * / alone
 * (exact-math.ts), so that every machine that has the weights makes the same tables.
 */
import { SpecError } from '../../gpu/errors.js';
import { exactExp, exactSigmoid } from './exact-math.js';
import { maxSymbols, quantize, type SymbolTable } from './table.js';

/** One logistic of a mixture, as the model stores it. */
export interface Logistic {
  readonly mean: number;
  /** Log of the scale, already in the range that the prior clamps it to. */
  readonly logScale: number;
  readonly logit: number;
}

/** A logistic has e^-11 = 1.7e-5 of its mass beyond this many scales: about a slot of 2^16. */
const reach = 11;
/** Rarer values at the ends are left to the escape. */
const leastProbability = 2 ** -16;

/** The table of round(z) under a mixture. @throws SpecError for weights that are not finite */
export function mixtureTable(mixture: readonly Logistic[]): SymbolTable {
  const weights = softmax(mixture.map(({ logit }) => logit));
  const scales = mixture.map(({ logScale }) => exactExp(logScale));
  const cumulative = (x: number): number =>
    mixture.reduce((sum, { mean }, k) => sum + weights[k]! * exactSigmoid((x - mean) / scales[k]!), 0);
  const [low, high] = support(mixture, scales);
  const probabilities: number[] = [];
  for (let value = low; value <= high; value++)
    probabilities.push(Math.max(0, cumulative(value + 0.5) - cumulative(value - 0.5)));
  const first = probabilities.findIndex((p) => p >= leastProbability);
  const last = probabilities.findLastIndex((p) => p >= leastProbability);
  return first < 0 ? quantize(low, [0]) : quantize(low + first, probabilities.slice(first, last + 1));
}

function support(mixture: readonly Logistic[], scales: readonly number[]): [low: number, high: number] {
  const low = Math.min(...mixture.map(({ mean }, k) => mean - reach * scales[k]!));
  const high = Math.max(...mixture.map(({ mean }, k) => mean + reach * scales[k]!));
  if (!(Math.abs(low) < 2 ** 29 && Math.abs(high) < 2 ** 29))
    throw new SpecError(
      'prior',
      `its logistics reach from ${low} to ${high}; expected below 2^29; train it anew`,
    );
  const middle = Math.floor((low + high) / 2);
  const half = maxSymbols / 2;
  return [Math.max(Math.floor(low), middle - half), Math.min(Math.ceil(high), middle + half - 1)];
}

function softmax(logits: readonly number[]): number[] {
  const greatest = Math.max(...logits);
  const weights = logits.map((logit) => exactExp(logit - greatest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
