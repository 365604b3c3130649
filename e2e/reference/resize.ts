/**
 * Scaling and cropping written as loops over the definition, float64: area average down, bilinear up, the shorter
 * side to fit, then the middle. Every sum runs over all inputs, so no index arithmetic is shared with the library.
 */

/** One channel, `f64[height][width]`. */
export type Plane = readonly (readonly number[])[];

/** `[H, W]` from a plane of any size. */
export function resizeReference(plane: Plane, [H, W]: readonly [number, number]): number[][] {
  const [h, w] = [plane.length, plane[0]!.length];
  const scale = Math.max(H / h, W / w);
  const [scaledH, scaledW] = [Math.max(H, Math.round(h * scale)), Math.max(W, Math.round(w * scale))];
  const [top, left] = [Math.floor((scaledH - H) / 2), Math.floor((scaledW - W) / 2)];
  return Array.from({ length: H }, (_, y) =>
    Array.from({ length: W }, (__, x) => {
      let sum = 0;
      for (let v = 0; v < h; v++)
        for (let u = 0; u < w; u++)
          sum += weight(top + y, v, h, scaledH) * weight(left + x, u, w, scaledW) * plane[v]![u]!;
      return sum;
    }),
  );
}

/** How much input `i` of `inputs` counts in output `o` of `outputs`. */
function weight(o: number, i: number, inputs: number, outputs: number): number {
  const step = inputs / outputs;
  if (step > 1) {
    // The length that the input's interval shares with the output's.
    const shared = Math.min(i + 1, (o + 1) * step) - Math.max(i, o * step);
    return Math.max(0, shared) / step;
  }
  // A tent around the input's centre; outside the outer centres the edge's input alone counts.
  const centre = Math.min(inputs - 1, Math.max(0, (o + 0.5) * step - 0.5));
  return Math.max(0, 1 - Math.abs(centre - i));
}
