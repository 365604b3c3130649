/** Bits per pixel against PSNR as an SVG file on its own white ground: the model, JPEG, and where PNG lies. */
import { scaleLinear, scaleLog, type ScaleLogarithmic } from 'd3-scale';
import { line } from 'd3-shape';
import type { CurvePoint, JpegCurves } from './image-files.js';

export interface FigureData {
  readonly curve: readonly CurvePoint[];
  readonly jpeg: JpegCurves;
  readonly png: { readonly filesBitsPerPixel: number; readonly sheetBitsPerPixel: number };
}

const [width, height] = [720, 420];
const margin = { top: 48, right: 24, bottom: 56, left: 64 };
/** Colours that stay apart in every common colour blindness; the dashes carry the difference in grey. */
const styles = {
  model: { label: 'rate-distortion autoencoder, one file', colour: '#0b62c4', dashes: '' },
  sheet: { label: 'JPEG, one sheet of all images', colour: '#b8410a', dashes: '6 3' },
  files: { label: 'JPEG, a file each', colour: '#6b6f76', dashes: '2 3' },
} as const;

type Name = keyof typeof styles;

export function rateDistortionFigure({ curve, jpeg, png }: FigureData): string {
  const series: Record<Name, readonly CurvePoint[]> = {
    model: curve,
    sheet: jpeg.sheet,
    files: jpeg.files,
  };
  const all = Object.values(series).flat();
  const rates = [...all.map(({ bitsPerPixel }) => bitsPerPixel), png.filesBitsPerPixel];
  const decibels = all.map(({ psnr }) => psnr);
  const x = scaleLog(
    [Math.min(...rates) / 1.2, Math.max(...rates) * 1.2],
    [margin.left, width - margin.right],
  );
  const y = scaleLinear(
    [Math.min(...decibels) - 1, Math.max(...decibels) + 1],
    [height - margin.bottom, margin.top],
  );
  const path = line<CurvePoint>()
    .x((point) => x(point.bitsPerPixel))
    .y((point) => y(point.psnr))
    .digits(2);
  const drawn = (Object.keys(styles) as Name[]).flatMap((name, index) => {
    const { label, colour, dashes } = styles[name];
    const stroke = `fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"`;
    return [
      `<path d="${path([...series[name]]) ?? ''}" ${stroke}/>`,
      ...series[name].map(
        (point) =>
          `<circle cx="${x(point.bitsPerPixel).toFixed(1)}" cy="${y(point.psnr).toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      `<path d="M${margin.left + 12},${margin.top + 14 + 18 * index}h26" ${stroke}/>`,
      text(label, margin.left + 44, margin.top + 18 + 18 * index),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Bits per pixel against PSNR" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    text('1,000 Fashion-MNIST images: size against quality', margin.left, 20),
    ...axes(x, y),
    ...[png.sheetBitsPerPixel, png.filesBitsPerPixel].map(
      (rate) =>
        `<path d="M${x(rate).toFixed(1)},${margin.top}V${height - margin.bottom}" stroke="#8a5a00" stroke-dasharray="1 4" stroke-width="2"/>`,
    ),
    text('PNG', x(png.sheetBitsPerPixel) - 30, height - margin.bottom - 8),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function axes(x: ScaleLogarithmic<number, number>, y: ReturnType<typeof scaleLinear<number>>): string[] {
  const [low, high] = x.domain() as [number, number];
  const marks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20].filter((rate) => rate >= low && rate <= high);
  const bottom = height - margin.bottom;
  return [
    ...y
      .ticks(6)
      .flatMap((tick) => [
        `<path d="M${margin.left},${y(tick).toFixed(1)}H${width - margin.right}" stroke="#d9dde3"/>`,
        text(String(tick), margin.left - 8, y(tick) + 4, 'end'),
      ]),
    `<path d="M${margin.left},${bottom}H${width - margin.right}" stroke="#5b6470"/>`,
    ...marks.flatMap((rate) => [
      `<path d="M${x(rate).toFixed(1)},${bottom}v5" stroke="#5b6470"/>`,
      text(String(rate), x(rate), bottom + 20, 'middle'),
    ]),
    text('bits per pixel', (margin.left + width - margin.right) / 2, bottom + 42, 'middle'),
    text('PSNR (dB)', 16, margin.top - 6),
  ];
}

function text(content: string, x: number, y: number, anchor = 'start'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#1f2733">${content}</text>`;
}
