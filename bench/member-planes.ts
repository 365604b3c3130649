/** Pictures of members as planes of two latents: codes by class, learned priors, posteriors of one image, a codebook. */
import { floatRows } from '../src/vae/data/dataset.js';
import { imageGrid, type Picture } from '../src/node/pictures.js';
import { encodeRows } from '../src/vae/evaluation/encode-rows.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { Vae } from '../src/vae/vae.js';
import { objectiveSpecs } from './member-specs.js';
import { above, beside, plane } from './panels.js';
import type { Studio } from './studio.js';

type Panels = (studio: Studio) => Promise<Picture>;
type Range = readonly [number, number];

/** Half of N(0, I) lies within the first circle, 95 % within the second. */
const priorCircles = [1.18, 2.45];
const codeRows = 1500;

/** From -most to most, with most what 98 % of the values stay below, and the prior's circles in view. */
function symmetric(values: Float32Array): Range {
  const sizes = Array.from(values, Math.abs).toSorted((a, b) => a - b);
  const most = Math.max(3, 1.1 * sizes[Math.floor(0.98 * sizes.length)]!);
  return [-most, most];
}

/** The codes of test images in a plane, coloured by class, a panel a member. */
export function latentPlanes(changes: readonly Partial<VaeSpec>[]): Panels {
  return async (studio) => {
    const panels: Picture[] = [];
    for (const change of changes) {
      const values = await studio.codes(await studio.fit({ ...change, latent: 2 }));
      const range = symmetric(values);
      const labels = studio.test.labels!;
      panels.push(plane([{ values, labels }], { x: range, y: range, circles: priorCircles }));
    }
    return beside(...panels);
  };
}

/** Codes above, draws of the learned prior below, a column a prior; then pseudo-inputs of the VampPrior. */
export async function priorPlanes(studio: Studio): Promise<Picture> {
  const layers = [{ type: 'dense', units: 32, activation: 'tanh' }] as const;
  const priors = [
    'standard-normal',
    { type: 'mixture', components: 10 },
    { type: 'vamp', pseudoInputs: 50 },
    { type: 'hierarchical', latent: 2, encoder: layers, decoder: layers },
  ] as const;
  const columns: Picture[] = [];
  let pseudoInputs: Picture | undefined;
  for (const prior of priors) {
    const vae = await studio.fit({ latent: 2, prior }, { epochs: 6 });
    const codes = await studio.codes(vae);
    const range = symmetric(codes);
    const options = { x: range, y: range, side: 190 };
    const draws = await vae.sampleLatents(codeRows, { seed: 1 });
    columns.push(
      above(
        plane([{ values: codes, labels: studio.test.labels! }], options),
        plane([{ values: draws }], options),
      ),
    );
    pseudoInputs ??= await pseudoInputsOf(vae);
  }
  return above(beside(...columns), pseudoInputs!);
}

async function pseudoInputsOf(vae: Vae): Promise<Picture | undefined> {
  const entry = vae.model.weights.set.entries.find(({ name }) => name.endsWith('pseudo_inputs'));
  if (!entry) return undefined;
  const weights = await vae.readWeights();
  const shown = 24;
  return imageGrid(weights.slice(entry.offset, entry.offset + shown * vae.model.width), vae.spec.input, {
    columns: shown,
    gap: 4,
  });
}

/**
 * The true posterior of one training image (grey) and draws of q, a panel a family; of 50 images the one whose full
 * covariance tilts most. Noise of scale 0.8 leaves posteriors wide enough to have a shape.
 */
export async function posteriorPlanes(studio: Studio): Promise<Picture> {
  const families = ['diagonal', 'full', 'planar', 'iaf'] as const;
  const base = { latent: 2, likelihood: { type: 'gaussian', scale: 0.8 } } as const;
  const options = { epochs: 6 };
  const candidates = 50;
  const images = floatRows(studio.train, 0, candidates);
  const size = images.length / candidates;
  const full = await studio.fit({ ...base, posterior: 'full' }, options);
  let [image, tilt] = [images.subarray(0, size), 0];
  for (let row = 0; row < candidates; row++) {
    const one = images.subarray(row * size, (row + 1) * size);
    const correlation = Math.abs(correlationOf(await studio.posteriorDraws(full, one, 128)));
    if (correlation > tilt) [image, tilt] = [one, correlation];
  }
  const panels: Picture[] = [];
  for (const posterior of families) {
    const vae = await studio.fit({ ...base, posterior }, options);
    const values = await studio.posteriorDraws(vae, image, 600);
    const [x, y] = [0, 1].map((axis) => around(values.filter((_, i) => i % 2 === axis))) as [Range, Range];
    panels.push(
      plane([{ values, labels: new Uint8Array(600) }], {
        x,
        y,
        side: 200,
        ground: await truePosterior(vae, image, x, y),
      }),
    );
  }
  return beside(...panels);
}

function correlationOf(points: Float32Array): number {
  const n = points.length / 2;
  const mean = [0, 1].map((axis) => points.reduce((sum, v, i) => sum + (i % 2 === axis ? v : 0), 0) / n);
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [points[2 * i]! - mean[0]!, points[2 * i + 1]! - mean[1]!];
    [xy, xx, yy] = [xy + x * y, xx + x * x, yy + y * y];
  }
  return xy / Math.sqrt(xx * yy);
}

/** Four standard deviations either way. */
function around(values: Float32Array): Range {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return [mean - 4 * deviation, mean + 4 * deviation];
}

/** p(z given x) on a grid of a Gaussian model with a standard normal prior, 1 where it is greatest, row 0 on top. */
async function truePosterior(vae: Vae, image: Float32Array, x: Range, y: Range): Promise<Float64Array> {
  const n = 50;
  const z = new Float32Array(2 * n * n);
  for (let i = 0; i < n * n; i++) {
    z[2 * i] = x[0] + ((x[1] - x[0]) * ((i % n) + 0.5)) / n;
    z[2 * i + 1] = y[1] - ((y[1] - y[0]) * (Math.floor(i / n) + 0.5)) / n;
  }
  const means = await vae.decode(z);
  const { likelihood } = vae.spec;
  const sigma = likelihood.type === 'gaussian' && typeof likelihood.scale === 'number' ? likelihood.scale : 1;
  const logs = Float64Array.from({ length: n * n }, (_, i) => {
    const error = image.reduce((sum, value, j) => sum + (value - means[i * image.length + j]!) ** 2, 0);
    return -error / (2 * sigma ** 2) - (z[2 * i]! ** 2 + z[2 * i + 1]! ** 2) / 2;
  });
  const greatest = logs.reduce((most, value) => Math.max(most, value), -Infinity);
  return logs.map((value) => Math.exp(value - greatest));
}

/** Codes of test images before they are quantised and the codewords among them; the codewords decoded, the most used first. */
export async function codebook(studio: Studio): Promise<Picture> {
  const vae = await studio.fit({ latent: 2, ...objectiveSpecs['vector-quantized'] });
  const quantized = (await encodeRows(vae, studio.test)).mean.values;
  const uses = new Map<string, number>();
  for (let i = 0; i < quantized.length; i += 2) {
    const code = `${quantized[i]},${quantized[i + 1]}`;
    uses.set(code, (uses.get(code) ?? 0) + 1);
  }
  const ordered = [...uses].toSorted((a, b) => b[1] - a[1]).map(([code]) => code.split(',').map(Number));
  const codes = Float32Array.from(ordered.flat());
  const moments = await studio.moments(vae, studio.images(studio.test.rows));
  const range = symmetric(moments);
  const points = [
    { values: moments, labels: studio.test.labels! },
    { values: codes, dot: 5 },
  ];
  const decoded = imageGrid(await vae.decode(codes), studio.test.shape, { columns: 8, gap: 2 });
  return beside(plane(points, { x: range, y: range }), decoded);
}
