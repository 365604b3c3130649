/**
 * A picture of what each member learns, from models that train in seconds: the base of bench/studio.ts (Fashion-MNIST at
 * 14 x 14, dense 196-128-K, Gaussian of scale 0.3, 600 steps of 100 images) with what the member changes. Writes
 * docs/members/images/NAME.png, or .svg where lines and bars say it.
 *
 *     npm run bench:members -- [--only mmd,priors]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SpecError } from '../src/gpu/errors.js';
import { encodePng, type Picture } from '../src/node/pictures.js';
import {
  bitsBackLines,
  capacityLines,
  estimatorLines,
  freeBitsBars,
  importanceLines,
  schemeLines,
} from './member-lines.js';
import { covariances, likelihoodRows, responses, squares, vaeGanRows } from './member-panels.js';
import { codebook, latentPlanes, posteriorPlanes, priorPlanes } from './member-planes.js';
import { objectiveSpecs } from './member-specs.js';
import { Studio } from './studio.js';

const { autoencoder, mmd } = objectiveSpecs;

/** A PNG's picture, or an SVG file. */
type Draw = (studio: Studio) => Promise<Picture | string>;

const members: Readonly<Record<string, Draw>> = {
  adversarial: latentPlanes([
    autoencoder,
    { ...autoencoder, objective: { type: 'adversarial', weight: 20 } },
  ]),
  'beta-tc': responses('beta-tc'),
  'bits-back': bitsBackLines,
  capacity: capacityLines,
  dip: covariances(['elbo', 'dip I', 'dip II']),
  estimators: estimatorLines,
  factor: responses('factor'),
  'free-bits': freeBitsBars,
  iwae: importanceLines,
  likelihoods: likelihoodRows,
  mmd: latentPlanes([autoencoder, mmd]),
  posteriors: posteriorPlanes,
  priors: priorPlanes,
  regularized: squares(['autoencoder', 'l2', 'gradient-penalty']),
  schemes: schemeLines,
  'vae-gan': vaeGanRows,
  'vector-quantized': codebook,
};

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const asked = values.only ? values.only.split(',') : Object.keys(members);
const unknown = asked.find((name) => !(name in members));
if (unknown)
  throw new SpecError('only', `there is no ${unknown}; expected ${Object.keys(members).join(', ')}`);

const folder = resolve(import.meta.dirname, '../docs/members/images');
mkdirSync(folder, { recursive: true });
const studio = await Studio.open();
for (const name of asked) {
  const started = performance.now();
  const drawn = await members[name]!(studio);
  const [ending, file] = typeof drawn === 'string' ? ['svg', drawn] : ['png', encodePng(drawn)];
  writeFileSync(`${folder}/${name}.${ending}`, file);
  console.log(
    `${name}.${ending}: ${file.length} bytes, ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
}
console.log(studio.device.description);
process.exit(0);
