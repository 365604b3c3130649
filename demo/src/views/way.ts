/** Codes between two codes. */
import { linearPath, sphericalPath } from 'webgpu-vae/evaluation';

export type WayKind = 'linear' | 'spherical';

/**
 * `steps` codes from `a` to `b`, f32[steps, K]. The spherical way turns the direction along the great arc while the length
 * goes evenly from one to the other. Where there is no single arc (a code is 0, or they are opposite) it is `linear`.
 */
export function wayBetween(
  a: Float32Array,
  b: Float32Array,
  kind: WayKind,
  steps: number,
): { readonly codes: Float32Array; readonly kind: WayKind } {
  const [from, to] = [Math.hypot(...a), Math.hypot(...b)];
  const [first, last] = [a.map((value) => value / from), b.map((value) => value / to)];
  const cosine = first.reduce((sum, value, k) => sum + value * last[k]!, 0);
  // sphericalPath refuses opposite codes, which f32 gives only roughly; not a number where a code is 0
  if (kind === 'linear' || !(cosine > -0.9999)) return { codes: linearPath(a, b, steps), kind: 'linear' };
  const K = a.length;
  const codes = sphericalPath(first, last, steps).map((value, i) => {
    const t = Math.floor(i / K) / (steps - 1);
    return value * ((1 - t) * from + t * to);
  });
  return { codes, kind };
}
