/** Numbers for people. */

/** Three digits and a decimal prefix: `1.61 MB`, `12.3 GFLOP`. */
export function formatQuantity(value: number, unit: string): string {
  const prefixes = ['', 'k', 'M', 'G', 'T'];
  const power = Math.min(prefixes.length - 1, Math.max(0, Math.floor(Math.log10(value || 1) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${prefixes[power]}${unit}`;
}

/** A whole number with groups of three: `652,824`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en');
}
