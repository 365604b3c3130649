/** The point that is dragged over the latent plane: by mouse, pen or finger, and by the arrow keys. */
import { useRef } from 'preact/hooks';
import { settings } from '../state.js';
import { latentName, latentSize } from './codes.js';
import { fromShare, nearestRow, toShare } from './plane.js';
import { moveLatents, point, RANGE } from './point.js';
import { places } from './scatter.js';

const STEP = 0.1;
const LARGE_STEP = 0.5;
/** A press that moves less is a click. */
const CLICK_PX = 4;
const SNAP_PX = 12;

/** Directions of the keys: across, and up. */
const keys: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowDown: [0, -1],
  ArrowUp: [0, 1],
};

interface Press {
  readonly at: readonly [number, number];
  isDrag: boolean;
}

/** @param snaps whether a click near a mark of the scatter goes to it */
export function LatentHandle({ snaps }: { readonly snaps: boolean }) {
  const press = useRef<Press>(undefined);
  const { z, axes } = settings.value;
  const isLine = latentSize.value === 1;
  const x = z[axes[0]] ?? 0;
  const y = isLine ? 0 : (z[axes[1]] ?? 0);

  const follow = (event: PointerEvent): void => {
    const { at, isDrag } = press.current ?? {};
    if (!at) return;
    press.current!.isDrag = isDrag || distance(at, event) > CLICK_PX;
    place(...sharesOf(event));
  };
  const end = (event: PointerEvent): void => {
    if (press.current && !press.current.isDrag && snaps) snap(event);
    press.current = undefined;
  };
  return (
    <div
      class="handle"
      role="slider"
      tabIndex={0}
      aria-roledescription="two-dimensional slider"
      aria-label="Latent point; arrow keys move it, with shift farther, Home to the origin"
      aria-valuemin={-RANGE}
      aria-valuemax={RANGE}
      aria-valuenow={+x.toFixed(2)}
      aria-valuetext={describe(z, isLine ? [axes[0]] : axes)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        press.current = { at: [event.clientX, event.clientY], isDrag: false };
        follow(event);
      }}
      onPointerMove={follow}
      onPointerUp={end}
      onPointerCancel={() => (press.current = undefined)}
      onKeyDown={onKeyDown}
    >
      <span class="ring" style={{ left: `${100 * toShare(x)}%`, top: `${100 * (1 - toShare(y))}%` }} />
    </div>
  );
}

/** What readers hear: each latent with its value. */
export function describe(z: readonly number[], latents: readonly number[]): string {
  return latents.map((k) => `${latentName(k)} = ${(z[k] ?? 0).toFixed(2)}`).join(', ');
}

function onKeyDown(event: KeyboardEvent): void {
  const direction = keys[event.key];
  if (!direction && event.key !== 'Home') return;
  event.preventDefault();
  const [across, up] = settings.peek().axes;
  if (!direction) return moveLatents([up, 0], [across, 0]);
  const step = event.shiftKey ? LARGE_STEP : STEP;
  const moved = ([k, sign]: readonly [number, number]) => [k, point()[k]! + sign * step] as const;
  // in this order a single latent, which is both, goes along the first
  moveLatents(moved([up, direction[1]]), moved([across, direction[0]]));
}

/** Shares of the square, from the left and the top. */
function sharesOf({ clientX, clientY, currentTarget }: PointerEvent): [number, number] {
  const { left, top, width, height } = (currentTarget as Element).getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height];
}

function place(left: number, top: number): void {
  const [across, up] = settings.peek().axes;
  moveLatents([up, fromShare(1 - top)], [across, fromShare(left)]);
}

function snap(event: PointerEvent): void {
  const { width, height } = (event.currentTarget as Element).getBoundingClientRect();
  const [left, top] = sharesOf(event);
  const row = nearestRow(places.peek(), [left * width, top * height], [width, height], SNAP_PX);
  if (row !== undefined) place(places.peek()[2 * row]!, places.peek()[2 * row + 1]!);
}

function distance([x, y]: readonly [number, number], { clientX, clientY }: PointerEvent): number {
  return Math.hypot(clientX - x, clientY - y);
}
