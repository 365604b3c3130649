/**
 * The course of a training run as an SVG file: the bound and its two terms against the step, one panel
 * each, because their scales differ by an order of magnitude. Colours are readable on the file's own
 * white ground, so that it looks the same in a light and in a dark page.
 */
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { DataError } from '../gpu/errors.js';

/** The terms at one step, in nats per datum. */
export interface CurvePoint {
  readonly step: number;
  readonly elbo: number;
  readonly reconstruction: number;
  readonly kl: number;
}

/** What trainingCurve draws. */
export interface CurveSeries {
  readonly train: readonly CurvePoint[];
  /** Values on held-out data. */
  readonly test?: readonly CurvePoint[];
}

type Term = 'elbo' | 'reconstruction' | 'kl';

const panels: readonly { readonly term: Term; readonly label: string }[] = [
  { term: 'elbo', label: 'ELBO' },
  { term: 'reconstruction', label: 'reconstruction' },
  { term: 'kl', label: 'KL' },
];

/** Blue and vermilion stay apart in every common colour blindness; the dashes carry the difference in grey. */
const styles = {
  train: { colour: '#0b62c4', dashes: '' },
  test: { colour: '#b8410a', dashes: '6 3' },
} as const;
type SeriesName = keyof typeof styles;

const width = 720;
const panelHeight = 150;
const panelGap = 34;
const margin = { top: 64, right: 24, bottom: 52, left: 76 };
const height = margin.top + panels.length * panelHeight + (panels.length - 1) * panelGap + margin.bottom;

/**
 * Draws elbo, reconstruction and kl against the step for training and, where given, held-out data.
 * Values that are not finite leave a gap in the line.
 *
 * @param options title, the accessible name and the heading of the picture
 * @returns a complete SVG document
 * @throws DataError if no point has a finite value for one of the terms
 */
export function trainingCurve(series: CurveSeries, options: { readonly title?: string } = {}): string {
  const title = options.title ?? 'Training curve';
  const drawn: Drawn[] = [['train', series.train]];
  if (series.test?.length) drawn.push(['test', series.test]);
  const all = drawn.flatMap(([, points]) => points);
  const steps = all.map((point) => point.step);
  const x = scaleLinear(paddedExtent(steps, 'step'), [margin.left, width - margin.right]);
  const parts = panels.map(({ term, label }, i) => {
    const top = margin.top + i * (panelHeight + panelGap);
    const values = all.map((point) => point[term]);
    const y = scaleLinear(paddedExtent(values, term), [top + panelHeight, top]).nice(4);
    return drawPanel({ label, term, top }, x, y, drawn);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'role="img" aria-labelledby="training-curve-title training-curve-description" font-family="system-ui, sans-serif" font-size="13">',
    `<title id="training-curve-title">${escapeXml(title)}</title>`,
    `<desc id="training-curve-description">${escapeXml(describe(drawn))}</desc>`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    text(title, { x: margin.left, y: 26, size: 16, weight: 600 }),
    ...drawLegend(drawn.map(([name]) => name)),
    ...parts,
    drawStepAxis(x),
    '</svg>\n',
  ].join('\n');
}

/** One series under its name. */
type Drawn = readonly [SeriesName, readonly CurvePoint[]];

interface Panel {
  readonly label: string;
  readonly term: Term;
  /** Pixels from the upper edge of the picture. */
  readonly top: number;
}

type Scale = ScaleLinear<number, number>;

function drawPanel(panel: Panel, x: Scale, y: Scale, drawn: readonly Drawn[]): string {
  const { label, term, top } = panel;
  const bottom = top + panelHeight;
  const format = y.tickFormat(4);
  const grid = y.ticks(4).map((tick) => {
    const at = round(y(tick));
    return (
      `<path d="M${margin.left},${at}H${width - margin.right}" stroke="#d9dde3"/>` +
      text(format(tick), { x: margin.left - 8, y: at + 4, anchor: 'end' })
    );
  });
  const marks = stepTicks(x).map((tick) => `<path d="M${round(x(tick))},${bottom}v5" stroke="#5b6470"/>`);
  const middle = top + panelHeight / 2;
  return [
    `<g aria-label="${label}">`,
    ...grid,
    `<path d="M${margin.left},${bottom}H${width - margin.right}" stroke="#5b6470"/>`,
    ...marks,
    text(`${label} (nats)`, { x: 18, y: middle, anchor: 'middle', turned: true }),
    ...drawn.map(([name, points]) => drawSeries(name, points, x, y, term)),
    '</g>',
  ].join('\n');
}

function drawSeries(name: SeriesName, points: readonly CurvePoint[], x: Scale, y: Scale, term: Term): string {
  const { colour, dashes } = styles[name];
  const finite = points.filter((point) => Number.isFinite(point[term]));
  const [only] = finite;
  if (finite.length === 1 && only) {
    // A line through one point has no length.
    return `<circle class="${name}" cx="${round(x(only.step))}" cy="${round(y(only[term]))}" r="3" fill="${colour}"/>`;
  }
  const path = line<CurvePoint>()
    .defined((point) => Number.isFinite(point[term]))
    .x((point) => x(point.step))
    .y((point) => y(point[term]))
    .digits(2);
  const dashArray = dashes && ` stroke-dasharray="${dashes}"`;
  const shape = path([...points]) ?? '';
  return `<path class="${name}" d="${shape}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"${dashArray}/>`;
}

function drawStepAxis(x: Scale): string {
  const bottom = height - margin.bottom;
  const format = x.tickFormat(6);
  const labels = stepTicks(x).map((tick) =>
    text(format(tick), { x: round(x(tick)), y: bottom + 20, anchor: 'middle' }),
  );
  const middle = (margin.left + width - margin.right) / 2;
  return [...labels, text('step', { x: middle, y: bottom + 40, anchor: 'middle' })].join('\n');
}

/** A short run would get ticks at fractions of a step. */
function stepTicks(x: Scale): number[] {
  return x.ticks(6).filter(Number.isInteger);
}

function drawLegend(names: readonly SeriesName[]): string[] {
  const entryWidth = 90;
  return names.map((name, i) => {
    const left = margin.left + i * entryWidth;
    const { colour, dashes } = styles[name];
    const dashArray = dashes && ` stroke-dasharray="${dashes}"`;
    return (
      `<path d="M${left},44h28" fill="none" stroke="${colour}" stroke-width="2"${dashArray}/>` +
      text(name, { x: left + 34, y: 48 })
    );
  });
}

/** How a word stands in a picture. */
export interface TextStyle {
  readonly x: number;
  readonly y: number;
  readonly anchor?: 'middle' | 'end';
  readonly size?: number;
  readonly weight?: number;
  readonly turned?: boolean;
}

/** A word as SVG. */
export function text(content: string, style: TextStyle): string {
  const { x, y, anchor, size, weight, turned } = style;
  const attributes = [
    turned ? `transform="translate(${x} ${y}) rotate(-90)"` : `x="${x}" y="${y}"`,
    anchor && `text-anchor="${anchor}"`,
    size && `font-size="${size}"`,
    weight && `font-weight="${weight}"`,
    'fill="#1f2733"',
  ];
  return `<text ${attributes.filter(Boolean).join(' ')}>${escapeXml(content)}</text>`;
}

/** Lowest and highest value, set apart where they are equal so that the scale has a length. */
function paddedExtent(values: readonly number[], what: string): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) {
    throw new DataError(
      'trainingCurve',
      `no finite ${what} came in ${values.length} points; expected at least one; pass the progress of a run that took a step`,
    );
  }
  // Not Math.min(...values): a long run has more points than a call takes arguments.
  const low = finite.reduce((least, value) => Math.min(least, value));
  const high = finite.reduce((most, value) => Math.max(most, value));
  return low === high ? [low - 1, high + 1] : [low, high];
}

function describe(drawn: readonly Drawn[]): string {
  const ends = drawn.flatMap(([name, points]) => {
    const last = points.at(-1);
    if (!last) return [];
    const terms = panels.map(({ term, label }) => `${label} ${last[term].toFixed(2)}`).join(', ');
    return [`${name} ends at step ${last.step} with ${terms} nats per datum`];
  });
  return `Three panels against the training step: ELBO, reconstruction and KL. ${ends.join('; ')}.`;
}

/** Two decimals, which no eye tells from more. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Text as it may stand in XML. */
export function escapeXml(raw: string): string {
  return raw
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
