/** All measures of disentanglement at once. */
import type { FactorTable } from '../data/factors.js';
import { dci, type Dci } from './dci.js';
import { factorVaeScore } from './factor-vae-score.js';
import type { Matrix } from './matrix.js';
import { mutualInformationGap, type MutualInformationGap } from './mig.js';
import { sap, type Sap } from './sap.js';

/** All measures of disentanglement. */
export interface Disentanglement {
  readonly mig: MutualInformationGap;
  readonly dci: Dci;
  readonly sap: Sap;
  readonly factorVaeScore: number;
}

/**
 * All four measures with their defaults.
 *
 * @param codes `f32[N, K]`, usually the posterior's means
 * @throws ShapeError, DataError
 */
export function disentanglement(
  codes: Matrix,
  factors: FactorTable,
  { seed = 0 }: { readonly seed?: number } = {},
): Disentanglement {
  return {
    mig: mutualInformationGap(codes, factors),
    dci: dci(codes, factors, { seed }),
    sap: sap(codes, factors),
    factorVaeScore: factorVaeScore(codes, factors, { seed }),
  };
}
