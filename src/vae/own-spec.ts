/** Parts of a specification that name code of the caller's: checked as far as a file must be able to keep them. */
import { show } from '../gpu/check.js';
import { SpecError } from '../gpu/errors.js';

/** What a specification says of a layer or an objective that is not one of the package's. */
export interface OwnPart {
  readonly type: 'own';
  /** Its name in `layers` or `objectives` of Vae.create and Vae.load. */
  readonly name: string;
  /** What the caller's code gets, as JSON can keep it. */
  readonly options?: unknown;
}

const MAX_DEPTH = 16;

/** @throws SpecError for what is no name */
export function ownName(value: unknown, where: string): string {
  if (typeof value === 'string' && /^[A-Za-z][\w-]{0,63}$/.test(value)) return value;
  throw new SpecError(where, `is ${show(value)}; expected a name of letters, digits, - and _`);
}

/** A copy of a value that JSON gives back as it was. @throws SpecError naming the part that it would not */
export function ownOptions(value: unknown, where: string, depth = 0): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (depth < MAX_DEPTH && Array.isArray(value))
    return value.map((item, index) => ownOptions(item, `${where}[${index}]`, depth + 1));
  if (depth < MAX_DEPTH && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, ownOptions(item, `${where}.${key}`, depth + 1)]),
    );
  const came =
    typeof value === 'object'
      ? Object.prototype.toString.call(value)
      : typeof value === 'number'
        ? value
        : typeof value;
  throw new SpecError(
    where,
    `is ${came}; expected what JSON can keep: finite numbers, strings, booleans, null, lists and plain objects`,
  );
}

/** The caller's code of a part. @throws SpecError naming those that were passed */
export function ownCode<T>(
  { name }: OwnPart,
  known: Readonly<Record<string, T>> = {},
  where: string,
  option: 'layers' | 'objectives',
): T {
  const code = Object.hasOwn(known, name) ? known[name] : undefined;
  if (code !== undefined) return code;
  const names = Object.keys(known).join(', ') || 'none';
  throw new SpecError(
    where,
    `is '${name}', code of its author; ${option} has ${names}; pass it: { ${option}: { '${name}': ... } } in Vae.create or Vae.load`,
  );
}
