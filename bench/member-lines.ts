/** Pictures of members as lines and bars: what happens over steps, samples or images. */
import { gradientDraws } from '../e2e/gradients.js';
import { barPanels } from '../src/node/bars.js';
import { binarized, compressLossless } from '../src/vae/coding/index.js';
import { takeRows } from '../src/vae/data/dataset.js';
import { evaluationReport } from '../src/vae/evaluation/report.js';
import type { EstimatorSpec } from '../src/vae/estimator-spec.js';
import type { TrainOptions } from '../src/vae/train.js';
import type { SchemeSpec } from '../src/vae/training-plan.js';
import { isInference } from '../src/vae/bound.js';
import type { Vae } from '../src/vae/vae.js';
import { linePlot, type LineSeries } from './line-plot.js';
import { objectiveSpecs } from './member-specs.js';
import { pngSizes } from './image-files.js';
import { training, type Studio } from './studio.js';

type Point = readonly [x: number, y: number];
const bernoulli = { latent: 6, likelihood: { type: 'bernoulli' } } as const;

/** The KL of the training batches over the steps, beside the capacity that it was given. */
export async function capacityLines(studio: Studio): Promise<string> {
  const [from, to, steps, epochs] = [0, 12, 600, 20];
  const capacity = { type: 'linear', from, to, steps } as const;
  const course = async (change: object): Promise<Point[]> => {
    const points: Point[] = [];
    const onEpoch: TrainOptions['onEpoch'] = ({ epoch, train }) =>
      void points.push([40 * epoch - 20, train.kl]);
    await studio.fitAnew({ latent: 6, ...change }, { epochs, onEpoch });
    return points;
  };
  return linePlot({
    title: 'Annealed capacity: the code grows as it is let',
    x: { label: 'step' },
    y: { label: 'KL (nats an image)' },
    series: [
      {
        label: 'annealed capacity',
        points: await course({ objective: { type: 'capacity', weight: 10, capacity } }),
      },
      {
        label: 'capacity C(t)',
        points: [
          [0, from],
          [steps, to],
          [40 * epochs, to],
        ],
      },
      { label: 'plain VAE', points: await course({}) },
    ],
  });
}

/** KL of each latent, the largest first: a plain VAE and one with free bits. */
export async function freeBitsBars(studio: Studio): Promise<string> {
  const [latent, nats] = [16, 0.5];
  const kl = async (change: object): Promise<number[]> => {
    const vae = await studio.fit({ latent, ...change });
    return (await evaluationReport(vae, studio.test)).latents.kl!.toSorted((a, b) => b - a);
  };
  const panels = [
    { label: 'plain VAE: KL (nats)', values: await kl({}), threshold: nats },
    {
      label: 'free bits: KL (nats)',
      values: await kl({ objective: { type: 'free-bits', nats } }),
      threshold: nats,
    },
  ];
  const order = panels[0]!.values.map((_, k) => k);
  return barPanels(panels, {
    title: `KL of ${latent} latents, sorted; ${nats} nats of each are free`,
    order,
    isUsed: order.map(() => true),
  });
}

/** The signal-to-noise ratio of the encoder's gradient against the samples. */
export async function estimatorLines(studio: Studio): Promise<string> {
  const vae = await studio.fit(bernoulli, { binarize: true, epochs: 5 });
  const batch = takeRows(studio.train, 20);
  const kinds: readonly (readonly [label: string, estimator: (k: number) => EstimatorSpec])[] = [
    ['A: mean of log w', () => 'A'],
    ['IWAE', () => ({ type: 'iwae' })],
    ['IWAE, doubly', () => ({ type: 'iwae', doubly: true })],
    ['MIWAE, 4 samples a group', (k) => ({ type: 'miwae', groups: k / 4 })],
  ];
  const series: LineSeries[] = [];
  for (const [label, estimator] of kinds) {
    const points: Point[] = [];
    for (const samples of [4, 16, 64])
      points.push([
        samples,
        signalToNoise(
          vae,
          await gradientDraws(vae, batch, { estimator: estimator(samples), samples, seed: 1 }),
        ),
      ]);
    series.push({ label, points });
  }
  return linePlot({
    title: "Signal to noise of the encoder's gradient",
    x: { label: 'samples a datum', isLog: true },
    y: { label: 'norm of the mean over the deviation', isLog: true },
    series,
  });
}

/** |E g| / sqrt(tr Cov g) of the encoder's weights, with the mean's own sampling error taken off. */
function signalToNoise(vae: Vae, draws: readonly Float32Array[]): number {
  let [signal, noise] = [0, 0];
  for (const { name, offset, shape } of vae.model.weights.set.entries.filter((entry) =>
    isInference(entry.name),
  )) {
    const length = shape.reduce((product, size) => product * size, 1);
    for (let i = offset; i < offset + length; i++) {
      const mean = draws.reduce((sum, draw) => sum + draw[i]!, 0) / draws.length;
      const variance = draws.reduce((sum, draw) => sum + (draw[i]! - mean) ** 2, 0) / (draws.length - 1);
      signal += mean ** 2 - variance / draws.length;
      noise += variance;
    }
    if (!Number.isFinite(noise)) throw new Error(`[bench] the gradient of ${name} is not finite`);
  }
  return Math.sqrt(Math.max(0, signal) / noise);
}

/** log 1/k sum w of test images against k, for a model trained as VAE and one trained as IWAE. */
export async function importanceLines(studio: Studio): Promise<string> {
  const test = takeRows(studio.test, 200);
  const bounds = async (options: Partial<TrainOptions>): Promise<Point[]> => {
    const vae = await studio.fit(bernoulli, { binarize: true, epochs: 6, ...options });
    const points: Point[] = [];
    for (const samples of [1, 2, 5, 10, 20, 50, 100, 200, 500]) {
      const { others } = await vae.evaluate(test, {
        estimator: { type: 'iwae' },
        samples,
        batchSize: 8,
        binarize: true,
      });
      points.push([samples, others!['multiSample']!]);
    }
    return points;
  };
  return linePlot({
    title: 'The importance-weighted bound of 200 test images',
    x: { label: 'samples k of the bound', isLog: true },
    y: { label: 'nats an image' },
    series: [
      {
        label: 'trained as IWAE, k = 10',
        points: await bounds({ estimator: { type: 'iwae' }, samples: 10 }),
      },
      { label: 'trained as VAE', points: await bounds({}) },
    ],
  });
}

function turns(encoderSteps: number, decoderSteps: number): SchemeSpec {
  return { type: 'alternating', encoderSteps, decoderSteps };
}

/** The bound of test images over the steps under three schemes, and the reconstruction of hard EM. */
export async function schemeLines(studio: Studio): Promise<string> {
  const test = takeRows(studio.test, 500);
  const course = async (label: string, scheme: TrainOptions['scheme'], change = {}): Promise<LineSeries> => {
    const points: Point[] = [];
    const vae = await studio.create({ latent: 6, ...change });
    await vae.train(studio.train, {
      ...training,
      epochs: 6,
      ...(scheme && { scheme }),
      onEpoch: async ({ epoch }) => void points.push([40 * epoch, (await vae.evaluate(test)).elbo]),
    });
    return { label, points };
  };
  return linePlot({
    title: 'The bound of 500 test images while training',
    x: { label: 'step' },
    y: { label: 'nats an image' },
    series: [
      await course('joint', undefined),
      await course('alternating, 1 E and 1 M step', turns(1, 1)),
      await course('alternating, 5 E and 1 M step', turns(5, 1)),
      await course('hard EM (its bound has no KL)', turns(1, 1), objectiveSpecs.autoencoder),
    ],
  });
}

/** Bits an image of real files against how many images are in them, beside the bound and PNG. */
export async function bitsBackLines(studio: Studio): Promise<string> {
  const vae = await studio.fitAnew({ ...bernoulli, latent: 10 }, {}, binarized(studio.train));
  const test = binarized(studio.test);
  const [coded, file, bound, png]: [Point[], Point[], Point[], Point[]] = [[], [], [], []];
  for (const count of [1, 2, 5, 10, 20, 50, 100, 200]) {
    const part = takeRows(test, count);
    const { bytes, dataBits } = await compressLossless(vae, part);
    coded.push([count, dataBits / count]);
    file.push([count, (8 * bytes.length) / count]);
    bound.push([count, -(await vae.evaluate(part, { estimator: 'A', samples: 64 })).elbo / Math.LN2]);
    png.push([count, pngSizes(part, 1).sheetBitsPerPixel * vae.model.width]);
  }
  return linePlot({
    title: 'Bits back: the bound is the size of the file',
    x: { label: 'images in the file', isLog: true },
    y: { label: 'bits an image', isLog: true },
    series: [
      { label: 'negative ELBO', points: bound },
      { label: 'bits back, the data', points: coded },
      { label: 'bits back, the whole file', points: file },
      { label: 'PNG, one bit a pixel', points: png },
    ],
  });
}
