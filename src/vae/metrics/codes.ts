/** Codes and known factors of the same data, checked once for every measure of disentanglement. */
import { DataError, ShapeError } from '../../gpu/errors.js';
import { checkFactors, factorColumn, type FactorTable } from '../data/factors.js';
import { checkMatrix, type Matrix } from './matrix.js';

/** Rows of both. @throws ShapeError when they differ, DataError for broken values */
export function checkCodes(codes: Matrix, factors: FactorTable, where: string): number {
  const [rows, factorRows] = [checkMatrix(codes, where), checkFactors(factors, where)];
  if (rows !== factorRows)
    throw new ShapeError(
      where,
      `${rows} rows of codes and ${factorRows} of factors came; expected as many of each; pass those of the same data`,
    );
  return rows;
}

/**
 * Indices of the factors that take more than one value here; the others cannot be told apart by any code.
 * @throws DataError when there is none
 */
export function varyingFactors(table: FactorTable, where: string): number[] {
  const varying = table.factors.flatMap((_, index) => {
    const [first, ...others] = factorColumn(table, index);
    return others.some((value) => value !== first) ? [index] : [];
  });
  if (varying.length > 0) return varying;
  throw new DataError(where, 'no factor varies; expected one that takes two values or more; pass more rows');
}
