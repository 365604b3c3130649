/** Where two pieces of plain data differ, for messages that name the field and both values. */
import { show } from '../gpu/check.js';

export interface Difference {
  /** `optimizer.beta1` */
  readonly path: string;
  readonly saved: string;
  readonly given: string;
}

/** The first difference, in the order of keys; undefined where there is none. A missing field is like an undefined one. */
export function difference(saved: unknown, given: unknown, path = ''): Difference | undefined {
  if (!isObject(saved) || !isObject(given))
    return Object.is(saved, given) ? undefined : { path, saved: show(saved), given: show(given) };
  const keys = new Set([...Object.keys(saved), ...Object.keys(given)]);
  for (const key of [...keys].toSorted()) {
    const found = difference(saved[key], given[key], path === '' ? key : `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
