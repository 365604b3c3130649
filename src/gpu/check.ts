/** Checks of single values in specifications, which come from files: `where` names the field in the message. */
import { SpecError } from './errors.js';

export function show(value: unknown): string {
  // JSON has no NaN and no infinity
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
}

/** An object that has no field but `keys`. */
export function record(value: unknown, where: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SpecError(where, `is ${show(value)}; expected an object with ${keys.join(', ')}`);
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined)
    throw new SpecError(where, `has the unknown field '${unknownKey}'; it may have ${keys.join(', ')}`);
  return value as Record<string, unknown>;
}

export function integer(value: unknown, where: string, least: number, limit: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > limit)
    throw new SpecError(where, `is ${show(value)}; expected an integer from ${least} to ${limit}`);
  return value;
}

/** A number in [least, below). */
export function numberIn(value: unknown, where: string, least: number, below: number): number {
  if (typeof value !== 'number' || !(value >= least && value < below))
    throw new SpecError(
      where,
      `is ${show(value)}; expected a number of at least ${least} and below ${below}`,
    );
  return value;
}

/** An array of `least` to `limit` values. */
export function list(value: unknown, where: string, least: number, limit: number): unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= limit) return value;
  throw new SpecError(where, `is ${show(value)}; expected a list of ${least} to ${limit} values`);
}

export function oneOf<T extends string>(value: unknown, where: string, names: readonly T[]): T {
  if (names.includes(value as T)) return value as T;
  throw new SpecError(where, `is ${show(value)}; expected one of ${names.join(', ')}`);
}
