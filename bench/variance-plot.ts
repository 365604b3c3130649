/**
 * Two panels as an SVG file: estimates of a gradient (their mean and one standard deviation) against the number of draws,
 * and the variance of an estimate, measured (dots) and by its formula (lines), on logarithmic axes.
 */
import { scaleLinear, scaleLog, type ScaleLinear, type ScaleLogarithmic } from 'd3-scale';
import type { Measured } from '../e2e/gradient-variance.js';
import { round, text } from '../src/node/curve.js';

export interface PlotSeries {
  readonly name: string;
  readonly points: readonly Measured[];
  /** Of a single draw, by formula. */
  readonly varianceOfOne: number;
}

/** Vermilion and blue stay apart in every common colour blindness. */
const colours = ['#b8410a', '#0b62c4'] as const;
const [panelWidth, panelHeight, top] = [300, 240, 64];
const lefts = [70, 450] as const;
const [width, height] = [780, 370];

type Scale = ScaleLinear<number, number> | ScaleLogarithmic<number, number>;

/** @param truth the gradient that both estimate */
export function variancePlot(series: readonly PlotSeries[], truth: number): string {
  const sizes = series[0]!.points.map(({ n }) => n);
  const across = (left: number): Scale =>
    scaleLog([sizes[0]! / 1.6, sizes.at(-1)! * 1.6], [left, left + panelWidth]);
  const spread = Math.max(
    ...series.flatMap(({ points }) =>
      points.map(({ mean, variance }) => Math.abs(mean - truth) + variance ** 0.5),
    ),
  );
  const vertical = [top + panelHeight, top];
  const estimate = scaleLinear([truth - 1.1 * spread, truth + 1.1 * spread], vertical);
  const variances = series.flatMap(({ points }) => points.map(({ variance }) => variance));
  const variance = scaleLog([Math.min(...variances) / 2, Math.max(...variances) * 2], vertical);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Two gradient estimators: estimates and their variance against the number of draws" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    ...series.map(({ name }, index) => legend(name, index)),
    ...axes('estimate of the gradient', lefts[0], across(lefts[0]), estimate, sizes),
    line(lefts[0], round(estimate(truth)), lefts[0] + panelWidth, round(estimate(truth)), '#5b6470', '4 3'),
    ...series.flatMap(({ points }, index) =>
      points.map((point) => interval(point, index, across(lefts[0]), estimate)),
    ),
    ...axes('variance of an estimate', lefts[1], across(lefts[1]), variance, sizes),
    ...series.flatMap((one, index) => varianceMarks(one, index, across(lefts[1]), variance)),
    '</svg>\n',
  ].join('\n');
}

function legend(name: string, index: number): string {
  const left = lefts[0] + 160 * index;
  return `<circle cx="${left + 5}" cy="30" r="4" fill="${colours[index]}"/>${text(name, { x: left + 16, y: 34 })}`;
}

function axes(label: string, left: number, x: Scale, y: Scale, sizes: readonly number[]): string[] {
  const bottom = top + panelHeight;
  const format = y.tickFormat(5);
  const ticks = y.ticks(5).filter((tick) => format(tick) !== '');
  return [
    ...ticks.map((tick) => {
      const at = round(y(tick));
      return (
        line(left, at, left + panelWidth, at, '#d9dde3') +
        text(String(Number(tick.toPrecision(3))), { x: left - 8, y: at + 4, anchor: 'end' })
      );
    }),
    line(left, bottom, left + panelWidth, bottom, '#5b6470'),
    ...sizes.map((n) => text(n.toLocaleString('en'), { x: round(x(n)), y: bottom + 20, anchor: 'middle' })),
    text('draws an estimate', { x: left + panelWidth / 2, y: bottom + 42, anchor: 'middle' }),
    text(label, { x: left, y: top - 12 }),
  ];
}

/** Mean and one standard deviation; the two estimators side by side. */
function interval({ n, mean, variance }: Measured, index: number, x: Scale, y: Scale): string {
  const at = round(x(n)) + 10 * index - 5;
  const deviation = variance ** 0.5;
  const [low, high] = [round(y(mean - deviation)), round(y(mean + deviation))];
  return `${line(at, low, at, high, colours[index]!)}<circle cx="${at}" cy="${round(y(mean))}" r="3.5" fill="${colours[index]}"/>`;
}

function varianceMarks({ points, varianceOfOne }: PlotSeries, index: number, x: Scale, y: Scale): string[] {
  const [first, last] = [points[0]!.n, points.at(-1)!.n];
  const place = (n: number): [number, number] => [round(x(n)), round(y(varianceOfOne / n))];
  return [
    line(...place(first), ...place(last), colours[index]!),
    ...points.map(
      ({ n, variance }) =>
        `<circle cx="${round(x(n))}" cy="${round(y(variance))}" r="4" fill="${colours[index]}"/>`,
    ),
  ];
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, dashes?: string): string {
  const dashArray = dashes ? ` stroke-dasharray="${dashes}"` : '';
  return `<path d="M${x1},${y1}L${x2},${y2}" stroke="${colour}" stroke-width="1.5"${dashArray}/>`;
}
