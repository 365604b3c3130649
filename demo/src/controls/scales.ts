/** Bent scales of sliders, whose positions go from 0 to 1; values have two digits, so that a slider gives plain numbers. */
export interface Scale {
  toPosition(value: number): number;
  toValue(position: number): number;
}

const inUnit = (position: number): number => Math.min(1, Math.max(0, position));
const twoDigits = (value: number): number => Number(value.toPrecision(2));

/** Even steps are even ratios. */
export function logarithmic(least: number, most: number): Scale {
  const [low, high] = [Math.log(least), Math.log(most)];
  return {
    toPosition: (value) => inUnit((Math.log(value) - low) / (high - low)),
    toValue: (position) => twoDigits(Math.exp(low + position * (high - low))),
  };
}

/** From 0 on, finer near it: the cube of the position. */
export function cubic(most: number): Scale {
  return {
    toPosition: (value) => inUnit(Math.cbrt(value / most)),
    toValue: (position) => twoDigits(most * position ** 3),
  };
}
