/** Numbers as the command line prints them: terms in nats, bytes, durations. */
import type { Terms } from '../../vae/terms.js';

/** `elbo -253.12 (reconstruction -240.02, kl 13.10)`, in nats per datum. */
export function formatTerms({ elbo, reconstruction, kl }: Terms): string {
  return `elbo ${elbo.toFixed(2)} (reconstruction ${reconstruction.toFixed(2)}, kl ${kl.toFixed(2)})`;
}

/** Minutes and seconds, `1:05`; hours where there are any. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-:--';
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** A count with groups of three: `652,824`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** Three digits and a decimal unit: `1.61 MB`, `12.3 GFLOP`. */
export function formatQuantity(value: number, unit: string): string {
  const prefixes = ['', 'k', 'M', 'G', 'T'];
  const power = Math.min(prefixes.length - 1, Math.max(0, Math.floor(Math.log10(value || 1) / 3)));
  const scaled = value / 1000 ** power;
  const digits = power === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(scaled)));
  return `${scaled.toFixed(digits)} ${prefixes[power]}${unit}`;
}

/** Columns aligned by their widest cell: numbers to the right, words to the left. */
export function formatTable(rows: readonly (readonly string[])[], rightAligned: ReadonlySet<number>): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column]!;
        return rightAligned.has(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}
