/** What a call is refused with. */
import { expect } from '@playwright/test';

/** The error of a call; where it gave a value, an error that says so. */
export async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    return new Error(`expected a refusal; the call gave ${JSON.stringify(await call())?.slice(0, 200)}`);
  } catch (error) {
    return error;
  }
}

/** The same, held to be of a class. */
export async function refused<E extends Error>(
  call: () => unknown,
  kind: new (...words: never[]) => E,
): Promise<E> {
  const error = await errorOf(call);
  expect(error).toBeInstanceOf(kind);
  return error as E;
}
