/**
 * What a user sees of a training run on stderr: a bar on a terminal, elsewhere a line an epoch and one every
 * few seconds, which a log file can keep.
 */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { Terms } from '../../vae/terms.js';
import type { EpochReport, TrainProgress } from '../../vae/train.js';
import { formatDuration, formatTerms } from './format.js';

export interface Progress {
  /** Pipelines compiled so far and in all. */
  compile(done: number, total: number): void;
  step(progress: TrainProgress): void;
  epoch(report: EpochReport, test: Terms): void;
  /** One line of its own. */
  note(line: string): void;
  /** Nothing moves after this; notes are still shown. */
  stop(): void;
}

/** Compilation is worth a word only when it keeps the user waiting. */
const COMPILE_QUIET_MS = 1000;
/** A log file wants to know that the run lives, not more. */
const LINE_EVERY_MS = 5000;

/** @param epochs of the whole run */
export function openProgress(epochs: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? new BarProgress(epochs, stream) : new LineProgress(epochs, stream);
}

function epochLine({ epoch, train, imagesPerSecond }: EpochReport, epochs: number, test: Terms): string {
  return `epoch ${epoch}/${epochs}: train ${formatTerms(train)}, test ${formatTerms(test)}; ${rate(imagesPerSecond)}`;
}

function rate(imagesPerSecond: number): string {
  return `${Math.round(imagesPerSecond)} images/s`;
}

class LineProgress implements Progress {
  readonly #started = performance.now();
  #lastLine = this.#started;

  constructor(
    readonly epochs: number,
    readonly stream: NodeJS.WritableStream,
  ) {}

  compile(done: number, total: number): void {
    const isSlow = performance.now() - this.#started > COMPILE_QUIET_MS;
    if (isSlow && done < total) this.#noteSometimes(`compiling kernels, ${done} of ${total}`);
  }

  step({ epoch, step, totalSteps, terms, imagesPerSecond, secondsLeft }: TrainProgress): void {
    const end = `${rate(imagesPerSecond)}, ${formatDuration(secondsLeft)} left`;
    this.#noteSometimes(
      `epoch ${epoch}/${this.epochs}, step ${step}/${totalSteps}: ${formatTerms(terms)}; ${end}`,
    );
  }

  epoch(report: EpochReport, test: Terms): void {
    this.note(epochLine(report, this.epochs, test));
  }

  note(line: string): void {
    this.stream.write(`${line}\n`);
    this.#lastLine = performance.now();
  }

  stop(): void {}

  #noteSometimes(line: string): void {
    if (performance.now() - this.#lastLine > LINE_EVERY_MS) this.note(line);
  }
}

const barFormat = '{epoch} [{bar}] {percentage}% | {terms} | {rate} | {left} left';

class BarProgress implements Progress {
  readonly #started = performance.now();
  readonly #bars: MultiBar;
  #bar: SingleBar | undefined;
  #isCompiling = false;
  #isStopped = false;

  constructor(
    readonly epochs: number,
    readonly stream: NodeJS.WriteStream,
  ) {
    // gracefulExit would take Ctrl-C away from us.
    const control = { gracefulExit: false, hideCursor: true, clearOnComplete: true, forceRedraw: true };
    // With line wrapping off, a long note would lose its end.
    const options = { ...control, stream, format: barFormat, barsize: 16, linewrap: true };
    this.#bars = new MultiBar(options, Presets.shades_classic);
    this.#restoreOnExit();
  }

  compile(done: number, total: number): void {
    if (performance.now() - this.#started < COMPILE_QUIET_MS) return;
    this.#isCompiling = done < total;
    // Spaces cover the longer text of the line before; the carriage return lets the next one cover this.
    this.stream.write(this.#isCompiling ? `compiling kernels, ${done} of ${total}   \r` : '\x1b[2K');
  }

  step({ epoch, step, totalSteps, terms, imagesPerSecond, secondsLeft }: TrainProgress): void {
    if (this.#isStopped) return;
    const { elbo, reconstruction, kl } = terms;
    const payload = {
      epoch: `epoch ${epoch}/${this.epochs}`,
      terms: `elbo ${elbo.toFixed(1)} rec ${reconstruction.toFixed(1)} kl ${kl.toFixed(1)}`,
      rate: rate(imagesPerSecond),
      left: formatDuration(secondsLeft),
    };
    this.#bar ??= this.#bars.create(totalSteps, 0, payload);
    this.#bar.update(step, payload);
  }

  epoch(report: EpochReport, test: Terms): void {
    this.note(epochLine(report, this.epochs, test));
  }

  note(line: string): void {
    if (!this.#bar || this.#isStopped) {
      this.stream.write(`${line}\n`);
      return;
    }
    this.#bars.log(`${line}\n`);
    this.#bars.update();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#bar) this.#bars.stop();
  }

  /** A bug ends the process without stop(); the cursor must come back all the same. */
  #restoreOnExit(): void {
    process.once('exit', () => this.stop());
  }
}
