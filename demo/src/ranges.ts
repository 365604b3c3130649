/** What the page's numbers may be, for its fields and for its address. */
export interface Range {
  readonly least: number;
  readonly most: number;
  readonly isWhole?: true;
}

export const ranges = {
  seed: { least: 0, most: 2 ** 32 - 1, isWhole: true },
  batchSize: { least: 1, most: 1024, isWhole: true },
  learningRate: { least: 1e-6, most: 1 },
  beta: { least: 0, most: 1000 },
  /** Where a latent point may lie; a standard normal is hardly ever past 5. */
  latent: { least: -100, most: 100 },
  axis: { least: 0, most: 4095, isWhole: true },
} as const satisfies Record<string, Range>;

/** Why a number is refused, or undefined; NaN is. */
export function outside(value: number, { least, most, isWhole }: Range): string | undefined {
  const isInside = value >= least && value <= most && (!isWhole || Number.isInteger(value));
  return isInside
    ? undefined
    : `expected ${isWhole ? 'a whole number' : 'a number'} from ${least} to ${most}`;
}
