/** Pictures of members as panels: decoded images, covariances, and what latents answer to. */
import { drawShapes } from '../src/vae/data/shapes.js';
import { imageGrid, type Picture } from '../src/node/pictures.js';
import { encodeRows } from '../src/vae/evaluation/encode-rows.js';
import { bilinearGrid } from '../src/vae/samplers/paths.js';
import type { VaeSpec } from '../src/vae/spec.js';
import type { Vae } from '../src/vae/vae.js';
import { objectiveSpecs, type ObjectiveMember } from './member-specs.js';
import { above, beside, heatMap } from './panels.js';
import type { Studio } from './studio.js';

type Panels = (studio: Studio) => Promise<Picture>;

/** Mean code of a latent at every position of a shape, a panel a latent: plain VAE above, the member below. */
export function responses(name: ObjectiveMember): Panels {
  return async (studio) => {
    const positions = 16;
    const shapes = drawShapes({ side: 16, scales: 2, orientations: 1, positions });
    const network = [256, 128].map((units) => ({ type: 'dense', units, activation: 'relu' }) as const);
    const base: Partial<VaeSpec> = {
      latent: 5,
      encoder: network,
      decoder: network.toReversed(),
      likelihood: { type: 'bernoulli' },
    };
    const rows: Picture[] = [];
    for (const change of [{}, objectiveSpecs[name]]) {
      const vae = await studio.fit({ ...base, ...change }, { epochs: 80 }, shapes);
      rows.push(await responseRow(vae, shapes, positions));
    }
    return above(...rows);
  };
}

async function responseRow(
  vae: Vae,
  shapes: ReturnType<typeof drawShapes>,
  positions: number,
): Promise<Picture> {
  const { mean } = await encodeRows(vae, shapes);
  const [K, table] = [vae.spec.latent, shapes.factors];
  const [F, count] = [table.factors.length, shapes.rows / positions ** 2];
  const maps = Array.from({ length: K }, () => new Float64Array(positions ** 2));
  for (let row = 0; row < shapes.rows; row++) {
    const [x, y] = [table.values[row * F + F - 2]!, table.values[row * F + F - 1]!];
    maps.forEach((map, k) => (map[y * positions + x]! += mean.values[row * K + k]! / count));
  }
  return beside(...maps.map((map) => heatMap(map, positions, 2, 6)));
}

/** The covariance of codes, coloured: blue is 1, white 0, red -1. */
export function covariances(names: readonly ObjectiveMember[]): Panels {
  return async (studio) => {
    const latent = 6;
    const panels: Picture[] = [];
    for (const name of names) {
      const codes = await studio.codes(await studio.fit({ latent, ...objectiveSpecs[name] }));
      panels.push(heatMap(covarianceOf(codes, latent), latent, 1, 28));
    }
    return beside(...panels);
  };
}

function covarianceOf(codes: Float32Array, K: number): Float64Array {
  const n = codes.length / K;
  const means = Array.from(
    { length: K },
    (_, k) => codes.reduce((sum, v, i) => sum + (i % K === k ? v : 0), 0) / n,
  );
  return Float64Array.from({ length: K * K }, (_, at) => {
    const [a, b] = [Math.floor(at / K), at % K];
    let sum = 0;
    for (let row = 0; row < n; row++)
      sum += (codes[row * K + a]! - means[a]!) * (codes[row * K + b]! - means[b]!);
    return sum / n;
  });
}

/** Decoded squares between the codes of four test images, a panel a member. */
export function squares(names: readonly ObjectiveMember[]): Panels {
  return async (studio) => {
    const [side, latent] = [8, 6];
    const panels: Picture[] = [];
    for (const name of names) {
      const vae = await studio.fit({ latent, ...objectiveSpecs[name] });
      const { mean } = await vae.encode(studio.images(4));
      const corner = (i: number): Float32Array => mean.subarray(i * latent, (i + 1) * latent);
      const grid = await vae.decode(bilinearGrid([corner(0), corner(1), corner(2), corner(3)], side));
      panels.push(imageGrid(grid, studio.test.shape, { columns: side, gap: 0 }));
    }
    return beside(...panels);
  };
}

/** Test images, then their reconstructions under five likelihoods, a row each. */
export async function likelihoodRows(studio: Studio): Promise<Picture> {
  const likelihoods = [
    { type: 'bernoulli' },
    { type: 'gaussian', scale: 'learned' },
    { type: 'laplace', scale: 'learned' },
    { type: 'discretized-logistic-mixture', components: 3 },
    { type: 'beta-binomial' },
  ] as const;
  return imageRows(
    studio,
    likelihoods.map((likelihood) => ({ latent: 8, likelihood })),
  );
}

/** Test images, those of a VAE, and those of a VAE-GAN whose features are many and change slowly. */
export function vaeGanRows(studio: Studio): Promise<Picture> {
  const layers = [{ type: 'dense', units: 512, activation: 'leakyRelu' }] as const;
  const objective = { type: 'vae-gan', weight: 20, layers, learningRate: 3e-4 } as const;
  return imageRows(studio, [{ latent: 6 }, { latent: 6, objective }], { epochs: 5 });
}

async function imageRows(
  studio: Studio,
  changes: readonly Partial<VaeSpec>[],
  options = {},
): Promise<Picture> {
  const columns = 14;
  const images = studio.images(columns);
  const rows = [images];
  for (const change of changes) rows.push(await (await studio.fit(change, options)).reconstruct(images));
  return imageGrid(Float32Array.from(rows.flatMap((row) => [...row])), studio.test.shape, {
    columns,
    gap: 4,
    scale: 3,
  });
}
