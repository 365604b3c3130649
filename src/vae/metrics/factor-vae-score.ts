/**
 * The FactorVAE score (Kim and Mnih 2018, section 4): hold one factor fixed, let the others vary, and see in which latent
 * the codes then vary least. That latent votes for the factor; the score is how often a majority vote is right. Batches
 * are drawn from the rows at hand, so data are encoded once; noise scores about one over the number of factors.
 */
import { DataError } from '../../gpu/errors.js';
import { factorColumn, type FactorTable } from '../data/factors.js';
import { uniformDraws } from '../float64/draws.js';
import { ACTIVE_VARIANCE } from './active-units.js';
import { checkCodes, varyingFactors } from './codes.js';
import { columnVariances, variance, type Matrix } from './matrix.js';

/** Stream of the draws, away from other uses of a seed ("fv"). */
const STREAM = 0x66760000;

/** How much is drawn for the score. */
export interface FactorVaeScoreOptions {
  readonly seed?: number;
  /** Votes that make the classifier, and as many that test it: 800. */
  readonly votes?: number;
  /** Rows a vote: 64. */
  readonly batchSize?: number;
}

/**
 * @param codes `f32[N, K]`, usually the posterior's means; latents that are not active take no part
 * @returns the share of votes that are right, 0 when no latent is active
 * @throws ShapeError when the rows differ, DataError when no factor varies or no value of one has two rows
 */
export function factorVaeScore(
  codes: Matrix,
  table: FactorTable,
  options: FactorVaeScoreOptions = {},
): number {
  const { seed = 0, votes = 800, batchSize = 64 } = options;
  checkCodes(codes, table, 'factorVaeScore');
  const groups = varyingFactors(table, 'factorVaeScore').map((f) => rowsByValue(factorColumn(table, f)));
  const scales = columnVariances(codes);
  const latents = scales.flatMap((scale, k) => (scale > ACTIVE_VARIANCE ? [k] : []));
  if (latents.length === 0) return 0;
  const uniform = uniformDraws(seed, STREAM);
  const draw = (below: number): number => Math.floor(uniform() * below);
  const vote = (): Vote => {
    const factor = draw(groups.length);
    const rows = groups[factor]![draw(groups[factor]!.length)]!;
    const batch = Array.from({ length: batchSize }, () => rows[draw(rows.length)]!);
    const spread = latents.map(
      (k) => variance(batch.map((row) => codes.values[row * codes.columns + k]!)) / scales[k]!,
    );
    return { factor, latent: spread.indexOf(Math.min(...spread)) };
  };
  const ballots = Array.from({ length: votes }, vote);
  const choices = latents.map((_, latent) => majority(ballots, latent, groups.length));
  const trials = Array.from({ length: votes }, vote);
  return trials.filter(({ factor, latent }) => choices[latent] === factor).length / votes;
}

interface Vote {
  readonly factor: number;
  /** Index among the active ones. */
  readonly latent: number;
}

/** The factor for which a latent voted most often. */
function majority(ballots: readonly Vote[], latent: number, factors: number): number {
  const counts = Array.from(
    { length: factors },
    (_, factor) => ballots.filter((vote) => vote.latent === latent && vote.factor === factor).length,
  );
  return counts.indexOf(Math.max(...counts));
}

/** Rows that share a value, one list a value; lists of a single row say nothing and are left out. */
function rowsByValue(values: Uint16Array): number[][] {
  const lists = new Map<number, number[]>();
  values.forEach((value, row) => {
    const rows = lists.get(value);
    if (rows) rows.push(row);
    else lists.set(value, [row]);
  });
  const groups = [...lists.values()].filter((rows) => rows.length > 1);
  if (groups.length > 0) return groups;
  throw new DataError(
    'factorVaeScore',
    'a factor has no value that two rows share; expected at least one; pass more rows',
  );
}
