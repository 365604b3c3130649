/** Where the encoder places the held-out images, drawn over the manifold; and the ring of a posterior. */
import { computed, effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { settings } from '../state.js';
import { addMark, classColor } from './class-marks.js';
import { heldOutCodes, latentSize } from './codes.js';
import { highlight } from './highlight.js';
import { placesOf, toShare, type Places } from './plane.js';
import { onThemeChange } from '../theme.js';
import { colorOf } from './color-of.js';

const MARK_PX = 3.4;
/** On a phone marks are smaller. */
const MARK_SHARE = 1 / 140;
const RING_SIGMAS = 2;
const TAU = 2 * Math.PI;

const axes = computed(() => settings.value.axes);

/** Shares of the square f32[N, 2] of the held-out images, in the axes that are shown. */
export const places = computed<Places>(() => {
  const codes = heldOutCodes.value;
  if (!codes) return new Float32Array();
  const lanes = 1 + Math.max(0, ...(codes.labels ?? []));
  // a golden-ratio sequence spreads rows evenly over their lane
  const lane = (row: number): number => ((codes.labels?.[row] ?? 0) + ((row * 0.618034) % 1)) / lanes;
  return placesOf(codes.mean, latentSize.value, axes.value, lane);
});

export function Scatter({ hasPoints }: { readonly hasPoints: boolean }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = ref.current!;
    let isAsked = false;
    const draw = (): void => {
      isAsked = false;
      paint(canvas, hasPoints);
    };
    const ask = (): void => {
      if (!isAsked) requestAnimationFrame(draw);
      isAsked = true;
    };
    const stop = effect(() => {
      void [places.value, highlight.value];
      ask();
    });
    const observer = new ResizeObserver(ask);
    observer.observe(canvas);
    const stopTheme = onThemeChange(ask);
    return () => {
      stop();
      observer.disconnect();
      stopTheme();
    };
  }, [hasPoints]);
  const count = places.value.length / 2;
  const label = `${hasPoints ? count : 0} held-out images where the encoder places them, marked by class`;
  return <canvas ref={ref} class="scatter" role="img" aria-label={label} />;
}

function paint(canvas: HTMLCanvasElement, hasPoints: boolean): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio); // clears it
  canvas.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  const color = (name: string): string => colorOf(canvas.parentElement!, name);
  if (hasPoints) {
    paintAxes(context, width, height, color('var(--faint)'));
    paintPoints(context, width, height, color);
  }
  paintRing(context, width, height, color('var(--accent)'));
}

function paintAxes(context: CanvasRenderingContext2D, width: number, height: number, color: string): void {
  context.strokeStyle = color;
  context.globalAlpha = 0.5;
  context.beginPath();
  context.moveTo(width / 2, 0);
  context.lineTo(width / 2, height);
  if (latentSize.peek() > 1) {
    context.moveTo(0, height / 2);
    context.lineTo(width, height / 2);
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** All marks of a class at once. */
function paintPoints(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  color: (name: string) => string,
): void {
  const labels = heldOutCodes.peek()?.labels;
  const shares = places.peek();
  const radius = Math.min(MARK_PX, width * MARK_SHARE);
  const paths = new Map<number, Path2D>();
  for (let row = 0; row < shares.length / 2; row++) {
    const label = labels?.[row] ?? 0;
    const path = paths.get(label) ?? new Path2D();
    paths.set(label, path);
    addMark(path, label, shares[2 * row]! * width, shares[2 * row + 1]! * height, radius);
  }
  context.strokeStyle = color('var(--card)');
  context.lineWidth = radius / 3;
  for (const [label, path] of paths) {
    context.fillStyle = color(labels ? classColor(label) : 'var(--accent)');
    context.stroke(path);
    context.fill(path);
  }
}

function paintRing(context: CanvasRenderingContext2D, width: number, height: number, color: string): void {
  const posterior = highlight.peek();
  const K = latentSize.peek();
  if (!posterior || posterior.mean.length !== K) return;
  const { mean, logVariance } = posterior;
  const [across, up] = axes.peek();
  const radius = (k: number): number =>
    RING_SIGMAS * Math.exp((logVariance[logVariance.length === 1 ? 0 : k] ?? 0) / 2);
  const pixels = (k: number, length: number): number => (toShare(radius(k)) - toShare(0)) * length;
  const y = K === 1 ? 0.5 : 1 - toShare(mean[up]!);
  const x = toShare(mean[across]!);
  context.beginPath();
  context.ellipse(
    x * width,
    y * height,
    pixels(across, width),
    pixels(K === 1 ? across : up, height),
    0,
    0,
    TAU,
  );
  context.fillStyle = context.strokeStyle = color;
  context.globalAlpha = 0.25;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 2;
  context.stroke();
}
