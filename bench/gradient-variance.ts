/**
 * The score-function and the reparameterized gradient of E[z^2] under N(phi, 1) at n = 10 to 100,000 draws an estimate:
 * mean and variance over many estimates on the GPU against the formulas. Writes docs/images/gradient-variance.svg and
 * docs/members/gradient-variance.json, and prints a table.
 *
 *     npm run bench:gradients -- [--phi 2]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { estimators, measure, momentsOf, relativeError, type Measured } from '../e2e/gradient-variance.js';
import { Device } from '../src/gpu/device.js';
import { openNodeGpu } from '../src/node/index.js';
import { variancePlot, type PlotSeries } from './variance-plot.js';

const { values } = parseArgs({ options: { phi: { type: 'string', default: '2' } } });
const phi = Number(values.phi);
const sizes = [10, 100, 1000, 10_000, 100_000];

/** As many draws as take seconds, and estimates enough for a variance of a few per cent. */
const repetitionsOf = (n: number): number => Math.min(50_000, Math.max(500, Math.round(2e7 / n)));

const device = await Device.open({ gpu: await openNodeGpu() });
const measured: Record<string, Measured[]> = Object.fromEntries(estimators.map((name) => [name, []]));
for (const n of sizes) {
  const results = await measure(device, { phi, n, repetitions: repetitionsOf(n) });
  for (const name of estimators) measured[name]!.push(results[name]);
}

const rows = estimators.flatMap((name) =>
  measured[name]!.map((point) => {
    const moments = momentsOf(name, phi);
    const { n, repetitions, mean, variance } = point;
    const predicted = moments.variance / n;
    return {
      estimator: name,
      n,
      estimates: repetitions,
      mean,
      meanErrors: (mean - moments.mean) / Math.sqrt(predicted / repetitions),
      variance,
      predicted,
      varianceErrors: (variance / predicted - 1) / relativeError(moments, point),
    };
  }),
);
console.log(`phi ${phi}, gradient ${2 * phi}; ${device.description}`);
console.log(
  '| estimator | n | estimates | mean | standard errors off | variance | formula | standard errors off |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const { estimator, n, estimates, mean, meanErrors, variance, predicted, varianceErrors } of rows) {
  const numbers = [mean.toFixed(4), meanErrors.toFixed(1), variance.toPrecision(4), predicted.toPrecision(4)];
  const cells = [
    n.toLocaleString('en'),
    estimates.toLocaleString('en'),
    ...numbers,
    varianceErrors.toFixed(1),
  ];
  console.log(`| ${estimator} | ${cells.join(' | ')} |`);
}

const folder = fileURLToPath(new URL('../docs/', import.meta.url));
mkdirSync(`${folder}members`, { recursive: true });
const series: PlotSeries[] = estimators.map((name) => ({
  name,
  points: measured[name]!,
  varianceOfOne: momentsOf(name, phi).variance,
}));
writeFileSync(`${folder}images/gradient-variance.svg`, variancePlot(series, 2 * phi));
const report = { phi, adapter: device.description, rows };
writeFileSync(`${folder}members/gradient-variance.json`, `${JSON.stringify(report, null, 2)}\n`);
device.destroy();
process.exit(0);
