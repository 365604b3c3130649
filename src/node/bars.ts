/** Numbers of latents as an SVG file: panels of bars, one bar a latent, on the file's own white ground. */
import { scaleLinear } from 'd3-scale';
import { DataError } from '../gpu/errors.js';
import { escapeXml, round, text } from './curve.js';

/** One panel. */
export interface BarPanel {
  readonly label: string;
  /** One a latent, finite and at least 0. */
  readonly values: readonly number[];
  /** Drawn as a dashed line. */
  readonly threshold?: number;
}

const width = 720;
const panelHeight = 150;
const panelGap = 40;
const margin = { top: 56, right: 24, bottom: 52, left: 76 };
const [used, unused] = ['#0b62c4', '#b7bfca'];
/** Labels of the latents stand as far apart as they can be read. */
const mostLabels = 20;

/**
 * Draws panels of bars, all in the order of `order`.
 *
 * @param options title: the heading; order: indices of the latents, left to right; isUsed: those of strong colour
 * @returns a complete SVG document
 * @throws DataError for a value that is not finite
 */
export function barPanels(
  panels: readonly BarPanel[],
  {
    title,
    order,
    isUsed,
  }: { readonly title: string; readonly order: readonly number[]; readonly isUsed: readonly boolean[] },
): string {
  const height = margin.top + panels.length * (panelHeight + panelGap) - panelGap + margin.bottom;
  const step = (width - margin.left - margin.right) / order.length;
  const parts = panels.map((panel, i) => {
    const top = margin.top + i * (panelHeight + panelGap);
    return drawPanel(panel, top, step, order, isUsed);
  });
  const every = Math.ceil(order.length / mostLabels);
  const labels = order.flatMap((latent, i) =>
    i % every === 0
      ? [
          text(String(latent), {
            x: round(margin.left + (i + 0.5) * step),
            y: height - margin.bottom + 20,
            anchor: 'middle',
          }),
        ]
      : [],
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'role="img" aria-labelledby="bars-title" font-family="system-ui, sans-serif" font-size="13">',
    `<title id="bars-title">${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    text(title, { x: margin.left, y: 26, size: 16, weight: 600 }),
    ...parts,
    ...labels,
    text('latent', {
      x: (margin.left + width - margin.right) / 2,
      y: height - margin.bottom + 40,
      anchor: 'middle',
    }),
    '</svg>\n',
  ].join('\n');
}

function drawPanel(
  { label, values, threshold }: BarPanel,
  top: number,
  step: number,
  order: readonly number[],
  isUsed: readonly boolean[],
): string {
  const wrong = values.findIndex((value) => !(value >= 0 && Number.isFinite(value)));
  if (wrong >= 0)
    throw new DataError(
      'barPanels',
      `${label} of latent ${wrong} is ${values[wrong]}; expected finite numbers of at least 0; evaluate a model whose loss is finite`,
    );
  const bottom = top + panelHeight;
  const y = scaleLinear([0, Math.max(threshold ?? 0, ...values) || 1], [bottom, top]).nice(4);
  const format = y.tickFormat(4);
  const grid = y.ticks(4).map((tick) => {
    const at = round(y(tick));
    return (
      `<path d="M${margin.left},${at}H${width - margin.right}" stroke="#d9dde3"/>` +
      text(format(tick), { x: margin.left - 8, y: at + 4, anchor: 'end' })
    );
  });
  const bars = order.map((latent, i) => {
    const at = y(values[latent]!);
    const left = round(margin.left + (i + 0.1) * step);
    return `<rect class="bar" x="${left}" y="${round(at)}" width="${round(0.8 * step)}" height="${round(bottom - at)}" fill="${isUsed[latent] ? used : unused}"/>`;
  });
  const line =
    threshold === undefined
      ? []
      : [
          `<path d="M${margin.left},${round(y(threshold))}H${width - margin.right}" stroke="#b8410a" stroke-dasharray="6 3"/>`,
        ];
  return [
    `<g aria-label="${escapeXml(label)}">`,
    ...grid,
    ...bars,
    ...line,
    text(label, { x: 18, y: top + panelHeight / 2, anchor: 'middle', turned: true }),
    '</g>',
  ].join('\n');
}
