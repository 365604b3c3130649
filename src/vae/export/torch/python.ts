/** Pieces of Python. */

/** Text whose lines, empty ones apart, begin with `depth` times four spaces. */
export function indented(text: string, depth = 1): string {
  return text.replaceAll(/^(?=.)/gm, '    '.repeat(depth));
}

/** `(1, 28, 28)`, `(784,)` */
export function tuple(values: readonly number[]): string {
  return `(${values.join(', ')}${values.length === 1 ? ',' : ''})`;
}

/** One number where both are the same, as people write it. */
export function pairOf([y, x]: readonly [number, number]): string {
  return y === x ? String(y) : `(${y}, ${x})`;
}

/** Methods or classes with as many empty lines between them; empty ones are left out. */
export function joined(parts: readonly string[], emptyLines: number): string {
  return parts
    .filter((part) => part !== '')
    .map((part) => part.trim())
    .join('\n'.repeat(emptyLines + 1));
}
