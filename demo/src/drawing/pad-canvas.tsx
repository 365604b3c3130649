/** The pad as an element: drawn on with a finger, a pen, a mouse, or the keys. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Pad, type Point } from './pad.js';

/** A key moves the pen so far, of the pad's side; with shift, four times as far. */
const KEY_STEP = 0.03;
const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface PadCanvasProps {
  /** Of the brush, as a share of the pad. */
  readonly brush: number;
  /** The pad, once it can be drawn on. */
  readonly onReady: (pad: Pad) => void;
  /** Something was drawn. */
  readonly onChange: () => void;
  /** A stroke has ended. */
  readonly onStroke: () => void;
}

export function PadCanvas({ brush, onReady, onChange, onStroke }: PadCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  const pad = useRef<Pad>(undefined);
  useEffect(() => onReady((pad.current = new Pad(ref.current!))), []);
  const draw = (change: (pad: Pad) => void): void => {
    change(pad.current!);
    onChange();
  };
  const pointer = usePointer(brush, draw, onStroke);
  const keys = useKeys(brush, draw, onStroke);
  return (
    <div class="pad">
      {/* an application takes keys, which the rules do not know */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        role="application"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        class="surface"
        aria-label="Pad to draw on"
        aria-describedby="pad-keys"
        {...pointer}
        onKeyDown={keys.onKeyDown}
        onFocus={keys.show}
        onBlur={keys.hide}
      >
        <canvas ref={ref} role="img" aria-label="Your drawing" />
        {keys.pen && (
          <span
            class={`pen ${keys.isDown ? 'down' : ''}`}
            style={{ left: `${100 * keys.pen.x}%`, top: `${100 * keys.pen.y}%` }}
          />
        )}
      </div>
      <p id="pad-keys" class="faint">
        Draw with a finger, a pen or the mouse. With keys: arrows move the pen, space puts it down and lifts
        it.
      </p>
      <p role="status" class="unseen">
        {keys.said}
      </p>
    </div>
  );
}

type Draw = (change: (pad: Pad) => void) => void;

function usePointer(brush: number, draw: Draw, onStroke: () => void) {
  const active = useRef<number>(undefined);
  const end = ({ pointerId }: PointerEvent): void => {
    if (pointerId !== active.current) return;
    active.current = undefined;
    onStroke();
  };
  return {
    onPointerDown: (event: PointerEvent): void => {
      if (event.button !== 0 || active.current !== undefined) return; // one finger draws
      active.current = event.pointerId;
      const surface = event.currentTarget as HTMLElement;
      surface.setPointerCapture(event.pointerId);
      draw((pad) => pad.begin(pointOf(event, surface), brush));
    },
    onPointerMove: (event: PointerEvent): void => {
      if (event.pointerId !== active.current) return;
      const surface = event.currentTarget as HTMLElement;
      const moves = event.getCoalescedEvents();
      draw((pad) => {
        for (const move of moves.length > 0 ? moves : [event]) pad.extend(pointOf(move, surface));
      });
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

function pointOf({ clientX, clientY, pressure, pointerType }: PointerEvent, surface: HTMLElement): Point {
  const { left, top, width, height } = surface.getBoundingClientRect();
  return {
    x: (clientX - left) / width,
    y: (clientY - top) / height,
    pressure: pointerType === 'pen' ? pressure : 0.5, // fingers tell all sorts of things
  };
}

interface Pen {
  readonly x: number;
  readonly y: number;
}

function useKeys(brush: number, draw: Draw, onStroke: () => void) {
  const place = useRef<Pen>({ x: 0.5, y: 0.5 });
  const [pen, setPen] = useState<Pen>();
  const [isDown, setIsDown] = useState(false);
  const [said, setSaid] = useState('');
  const lift = (): void => {
    if (isDown) onStroke();
    setIsDown(false);
  };
  const point = (): Point => ({ ...place.current, pressure: 0.5 });
  const move = ([dx, dy]: readonly [number, number], isFar: boolean): void => {
    const step = KEY_STEP * (isFar ? 4 : 1);
    place.current = { x: clamp(place.current.x + dx * step), y: clamp(place.current.y + dy * step) };
    setPen(place.current);
    if (isDown) draw((pad) => pad.extend(point()));
    setSaid(`${percent(place.current.x)} from the left, ${percent(place.current.y)} from the top`);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { key, shiftKey, ctrlKey, metaKey } = event;
    const arrow = arrows[key];
    if (arrow) move(arrow, shiftKey);
    else if (key === ' ') {
      setPen(place.current);
      setSaid(isDown ? 'Pen up' : 'Pen down');
      if (isDown) return (event.preventDefault(), lift());
      setIsDown(true);
      draw((pad) => pad.begin(point(), brush));
    } else if (key.toLowerCase() === 'z' && (ctrlKey || metaKey)) {
      draw((pad) => pad.undo());
      setIsDown(false);
    } else return;
    event.preventDefault(); // the page does not scroll
  };
  return {
    pen,
    isDown,
    said,
    onKeyDown,
    /** The pen is shown to those who came by a key. */
    show: (event: FocusEvent): void => {
      if ((event.currentTarget as Element).matches(':focus-visible')) setPen(place.current);
    },
    hide: (): void => {
      lift();
      setPen(undefined);
    },
  };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
