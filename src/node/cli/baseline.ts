/** The command baseline: a linear model on the same data, with its exact likelihood, to hold a VAE against. */
import type { Device } from '../../gpu/device.js';
import { SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import {
  fitFactorAnalysis,
  fitPca,
  fitPpca,
  type LinearFit,
  type LinearTerms,
} from '../../vae/classical/index.js';
import { packageVersion } from '../package.js';
import { OutputFolder } from './artifacts.js';
import { drawLinearGallery } from './gallery.js';
import type { BaselineModel, BaselineSettings } from './options.js';
import { describeData, loadParts, openDevice, say, type Parts } from './session.js';
import { interruptedCode, listenForStop } from './signals.js';

/** baseline.json. Likelihoods are in nats per datum, null where there is no density. */
export interface BaselineReport {
  readonly version: string;
  readonly adapter: string;
  readonly data: {
    readonly name: string;
    readonly rows: number;
    readonly testRows: number;
    readonly shape: readonly number[];
  };
  readonly model: BaselineModel;
  readonly method: 'closed-form' | 'em';
  readonly latent: number;
  readonly train: TermsReport;
  readonly test: TermsReport;
  /** log p(x) of the training part: of the first model and after every iteration of EM. */
  readonly history: readonly number[];
  readonly converged: boolean;
  readonly stopped: boolean;
  /** In squared units of the data. */
  readonly varianceFloor: number;
  readonly flooredColumns: number;
  /** Spent on the fit. */
  readonly seconds: number;
}

interface TermsReport {
  readonly logLikelihood: number | null;
  /** Summed over the elements of an image. */
  readonly squaredError: number;
}

const NOTE_EVERY_MS = 2000;

/**
 * Fits, prints and writes; resolves with the exit code.
 *
 * @throws SpecError, DataError, DeviceError, OutOfMemoryError
 */
export async function baselineCommand(settings: BaselineSettings): Promise<number> {
  checkMethod(settings);
  const parts = await loadParts(settings, undefined);
  const folder = await OutputFolder.open(settings.out, { replaces: false });
  const device = await openDevice(settings);
  try {
    say(`webgpu-vae ${packageVersion()} on ${device.description}`);
    say(`model ${settings.model}, latent ${settings.latent}; data ${describeData(settings.data, parts)}`);
    const stop = listenForStop({ notify: say, leave: () => undefined });
    const started = performance.now();
    const fit = await fitModel(device, parts, settings, stop);
    const seconds = (performance.now() - started) / 1000;
    const report = await reportOf(device, parts, settings, fit, {
      seconds,
      stopped: stop.aborted && !fit.converged,
    });
    await writeFiles(folder, fit, parts, report);
    print(report, settings.json);
    return stop.aborted ? interruptedCode : 0;
  } finally {
    device.destroy();
  }
}

/** PCA has its closed form only, factor analysis has none. @throws SpecError */
function checkMethod({ model, method }: BaselineSettings): void {
  if (method === undefined || model === 'ppca' || method === usualMethod(model)) return;
  throw new SpecError(
    '--method',
    `is '${method}' for ${model}; pca has a closed form only, fa has none, ppca takes both; leave it out`,
  );
}

function usualMethod(model: BaselineModel): 'closed-form' | 'em' {
  return model === 'fa' ? 'em' : 'closed-form';
}

function fitModel(
  device: Device,
  { train }: Parts,
  settings: BaselineSettings,
  signal: AbortSignal,
): Promise<LinearFit> {
  const { model, method, latent, iterations, tolerance, seed, floor } = settings;
  if (model === 'pca') return fitPca(device, train, { latent });
  const options = {
    latent,
    maxIterations: iterations,
    tolerance,
    seed,
    signal,
    onIteration: noteSometimes(),
    ...(floor !== undefined && { varianceFloor: floor }),
  };
  if (model === 'fa') return fitFactorAnalysis(device, train, options);
  return fitPpca(device, train, { ...options, method: method ?? usualMethod(model) });
}

function noteSometimes(): (progress: { iteration: number; logLikelihood: number }) => void {
  let last = performance.now();
  return ({ iteration, logLikelihood }) => {
    if (performance.now() - last < NOTE_EVERY_MS) return;
    say(`iteration ${iteration}: log p(x) ${logLikelihood.toFixed(3)} nats per datum`);
    last = performance.now();
  };
}

async function reportOf(
  device: Device,
  { train, test }: Parts,
  settings: BaselineSettings,
  { model, history, converged, varianceFloor, flooredColumns }: LinearFit,
  outcome: { readonly seconds: number; readonly stopped: boolean },
): Promise<BaselineReport> {
  const { data: name, model: kind, method, latent } = settings;
  return {
    version: packageVersion(),
    adapter: device.description,
    data: { name, rows: train.rows, testRows: test.rows, shape: train.shape },
    model: kind,
    method: method ?? usualMethod(kind),
    latent,
    train: termsReport(await model.evaluate(device, train)),
    test: termsReport(await model.evaluate(device, test)),
    history,
    converged,
    varianceFloor,
    flooredColumns,
    ...outcome,
  };
}

function termsReport({ logLikelihood, squaredError }: LinearTerms): TermsReport {
  return { logLikelihood: logLikelihood ?? null, squaredError };
}

async function writeFiles(
  folder: OutputFolder,
  { model }: LinearFit,
  { test }: Parts,
  report: BaselineReport,
): Promise<void> {
  await folder.write('baseline.safetensors', await model.save());
  for (const [name, bytes] of drawLinearGallery(model, test)) await folder.write(name, bytes);
  await folder.write('baseline.json', `${JSON.stringify(report, null, 2)}\n`);
  say(`in ${folder.path}: ${folder.written.join(', ')}`);
}

function print(report: BaselineReport, json: boolean): void {
  const { method, history, converged, flooredColumns, varianceFloor } = report;
  if (method === 'em')
    say(`${history.length - 1} iterations, ${converged ? 'converged' : 'not converged; raise --iterations'}`);
  if (flooredColumns > 0)
    say(`${flooredColumns} pixels have the least noise variance, ${varianceFloor.toExponential(2)}`);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else for (const part of ['train', 'test'] as const) process.stdout.write(`${lineOf(part, report)}\n`);
  if (report.train.logLikelihood !== null)
    say(
      'log p(x) is of a density over grey values in [0, 1]: it may be above 0; compare on the same data only',
    );
}

/** `test: log p(x) 304.457 nats per datum, squared error 18.569 (0.02369 a pixel)` */
function lineOf(part: 'train' | 'test', report: BaselineReport): string {
  const { logLikelihood, squaredError } = report[part];
  const density = logLikelihood === null ? '' : `log p(x) ${logLikelihood.toFixed(3)} nats per datum, `;
  const each = squaredError / elementCount(report.data.shape);
  return `${part}: ${density}squared error ${squaredError.toFixed(3)} (${each.toPrecision(4)} a pixel)`;
}
