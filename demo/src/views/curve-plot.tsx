/** Lines over the steps, drawn by uPlot; several plots share the pointer. */
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { onThemeChange } from '../theme.js';

export interface CurvePoint {
  readonly step: number;
  /** Of each line; null where it has none at this step. */
  readonly values: readonly (number | null)[];
}

export interface CurvePlotProps {
  /** What is plotted, for those who do not see it. */
  readonly label: string;
  /** `color` is a custom property. */
  readonly lines: readonly { readonly name: string; readonly color: string }[];
  /** Reads signals; by step. */
  readonly points: () => readonly CurvePoint[];
  readonly heightPx: number;
  /** The point under the pointer. */
  readonly onHover?: (point: CurvePoint | undefined) => void;
}

export function CurvePlot(props: CurvePlotProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => draw(ref.current!, props), []);
  return <div ref={ref} class="plot" role="img" aria-label={props.label} />;
}

/** @returns what ends it */
function draw(element: HTMLElement, props: CurvePlotProps): () => void {
  const { points, heightPx: height } = props;
  let shown: readonly CurvePoint[] = [];
  const plot = new uPlot(
    options(element, props, (index) => shown[index]),
    columns(props, shown),
    element,
  );
  let frame = 0;
  const stopData = effect(() => {
    shown = points();
    // hidden tabs train on and draw nothing
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      plot.setData(columns(props, shown));
    });
  });
  const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
  observer.observe(element);
  const redraw = (): void => plot.redraw(false, true);
  const stopTheme = onThemeChange(redraw);
  // a lost GPU takes what was drawn with it
  plot.ctx.canvas.addEventListener('contextrestored', redraw);
  return () => {
    stopData();
    stopTheme();
    observer.disconnect();
    cancelAnimationFrame(frame);
    props.onHover?.(undefined);
    plot.destroy();
  };
}

function columns({ lines }: CurvePlotProps, points: readonly CurvePoint[]): uPlot.AlignedData {
  return [points.map(({ step }) => step), ...lines.map((_, i) => points.map(({ values }) => values[i]))];
}

function options(
  element: HTMLElement,
  { lines, heightPx, onHover }: CurvePlotProps,
  pointAt: (index: number) => CurvePoint | undefined,
): uPlot.Options {
  // canvases want a colour, not light-dark(): the element, which has no text, resolves it
  const color = (name: string) => () => {
    element.style.color = `var(${name})`;
    return getComputedStyle(element).color;
  };
  const axis: uPlot.Axis = {
    stroke: color('--ink'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
  };
  return {
    width: element.clientWidth,
    height: heightPx,
    scales: { x: { time: false } },
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'curves' } },
    axes: [
      {
        ...axis,
        size: 32,
        space: 60,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6],
      },
      { ...axis, size: 52, space: 28 },
    ],
    series: [
      {},
      ...lines.map(({ name, color: stroke }) => ({
        label: name,
        stroke: color(stroke),
        width: 2,
        spanGaps: true,
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [({ cursor: { idx } }) => onHover?.(typeof idx === 'number' ? pointAt(idx) : undefined)],
    },
  };
}
