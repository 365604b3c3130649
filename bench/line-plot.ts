/** Lines over one axis as an SVG file on its own white ground, with the legend beside them, so that nothing is covered. */
import { scaleLinear, scaleLog, type ScaleLinear, type ScaleLogarithmic } from 'd3-scale';
import { line } from 'd3-shape';
import { escapeXml, round, text } from '../src/node/curve.js';

export interface LineSeries {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinePlot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly LineSeries[];
  /** Vertical lines. */
  readonly marks?: readonly { readonly label: string; readonly x: number }[];
}

export interface Axis {
  readonly label: string;
  readonly isLog?: boolean;
}

type Scale = ScaleLinear<number, number> | ScaleLogarithmic<number, number>;

const [width, height] = [760, 400];
const margin = { top: 48, right: 250, bottom: 56, left: 72 };
/** Colours that stay apart in every common colour blindness; dashes carry the difference in grey. */
const styles = [
  ['#0b62c4', ''],
  ['#b8410a', '6 3'],
  ['#1f7a4d', '2 3'],
  ['#7a4fa3', '9 3 2 3'],
  ['#5b6470', '1 4'],
] as const;
/** Logarithmic ticks with fewer digits than these are enough to read. */
const leading = [1, 2, 5];

/** @returns a complete SVG document */
export function linePlot({ title, x: across, y: up, series, marks = [] }: LinePlot): string {
  const points = series.flatMap((one) => one.points);
  const xs = [...points.map(([x]) => x), ...marks.map((mark) => mark.x)];
  const x = scaleOf(across, xs, [margin.left, width - margin.right], false);
  const ys = points.map(([, y]) => y);
  const y = scaleOf(up, ys, [height - margin.bottom, margin.top], true);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    text(title, { x: margin.left, y: 26, size: 16, weight: 600 }),
    ...horizontal(y, up),
    ...vertical(x, across),
    ...marks.flatMap((mark) => markLines(mark, x)),
    ...series.flatMap((one, index) => seriesLines(one, index, x, y)),
    '</svg>\n',
  ].join('\n');
}

function scaleOf(
  { isLog = false }: Axis,
  values: number[],
  range: [number, number],
  isPadded: boolean,
): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (isLog) return scaleLog([low / 1.15, high * 1.15], range);
  const gap = isPadded ? 0.05 * (high - low || 1) : 0;
  return scaleLinear([low - gap, high + gap], range);
}

function ticksOf(scale: Scale, { isLog = false }: Axis): number[] {
  if (!isLog) return scale.ticks(6);
  const [low, high] = scale.domain() as [number, number];
  const isFew = high / low < 1000;
  const isLeading = (tick: number): boolean => {
    const digit = Math.round(tick / 10 ** Math.floor(Math.log10(tick) + 1e-9));
    return isFew ? leading.includes(digit) : digit === 1;
  };
  return scale.ticks().filter(isLeading);
}

function label(tick: number): string {
  return tick.toLocaleString('en', { maximumSignificantDigits: 6 });
}

function horizontal(y: Scale, axis: Axis): string[] {
  const middle = (margin.top + height - margin.bottom) / 2;
  return [
    ...ticksOf(y, axis).map((tick) => {
      const at = round(y(tick));
      return (
        `<path d="M${margin.left},${at}H${width - margin.right}" stroke="#d9dde3"/>` +
        text(label(tick), { x: margin.left - 8, y: at + 4, anchor: 'end' })
      );
    }),
    text(axis.label, { x: 18, y: middle, anchor: 'middle', turned: true }),
  ];
}

function vertical(x: Scale, axis: Axis): string[] {
  const bottom = height - margin.bottom;
  return [
    `<path d="M${margin.left},${bottom}H${width - margin.right}" stroke="#5b6470"/>`,
    ...ticksOf(x, axis).map((tick) => {
      const at = round(x(tick));
      return (
        `<path d="M${at},${bottom}v5" stroke="#5b6470"/>` +
        text(label(tick), { x: at, y: bottom + 20, anchor: 'middle' })
      );
    }),
    text(axis.label, { x: (margin.left + width - margin.right) / 2, y: bottom + 42, anchor: 'middle' }),
  ];
}

function markLines(mark: { readonly label: string; readonly x: number }, x: Scale): string[] {
  const at = round(x(mark.x));
  return [
    `<path d="M${at},${margin.top}V${height - margin.bottom}" stroke="#8a5a00" stroke-dasharray="1 4" stroke-width="2"/>`,
    text(mark.label, { x: at - 6, y: height - margin.bottom - 8, anchor: 'end' }),
  ];
}

function seriesLines({ label: name, points }: LineSeries, index: number, x: Scale, y: Scale): string[] {
  const [colour, dashes] = styles[index % styles.length]!;
  const path = line<readonly [number, number]>()
    .x((point) => x(point[0]))
    .y((point) => y(point[1]))
    .digits(2);
  const stroke = `fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"`;
  const left = width - margin.right + 16;
  const top = margin.top + 12 + 22 * index;
  return [
    `<path d="${path([...points]) ?? ''}" ${stroke}/>`,
    ...points.map(
      (point) => `<circle cx="${round(x(point[0]))}" cy="${round(y(point[1]))}" r="3" fill="${colour}"/>`,
    ),
    `<path d="M${left},${top}h26" ${stroke}/>`,
    text(name, { x: left + 34, y: top + 4 }),
  ];
}
