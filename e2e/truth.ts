/**
 * The truth that a member of the family is held to: a check that no implementation choice can tune (a closed form, float64
 * differences, an exact sum). Every one leaves a row, of which `npm run truths` makes docs/truths.md.
 */
import { expect, test } from '@playwright/test';

/** A row of the table. */
export interface Truth {
  /** The part and its member, as specifications call them: `posterior iaf`, `objective fisher`. */
  readonly member: string;
  /** What it is held to. */
  readonly truth: string;
  /** How far from it, in the unit that `truth` names. */
  readonly measured: number;
  readonly bound: number;
}

/** Fails where `measured` is beyond `bound`, or not a number, and notes the row either way. */
export function holdTo(member: string, truth: string, measured: number, bound: number): void {
  const row: Truth = { member, truth, measured, bound };
  test.info().annotations.push({ type: 'truth', description: JSON.stringify(row) });
  expect(measured, `${member}: ${truth}`).toBeLessThanOrEqual(bound);
}
