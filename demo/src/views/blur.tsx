/** Why reconstructions are blurry: copies of the model with other likelihoods, trained on request, side by side. */
import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { Pixels } from 'webgpu-vae';
import { attempt, studio, trainingSettings } from '../session.js';
import { model, settings } from '../state.js';
import type { Compared, ComparedName, ComparisonProgress } from '../studio/protocol.js';
import Text from '../text/blur.mdx';
import './blur.css';
import { Card } from './card.js';
import { misfit, Pictures } from './held-out.js';

const ROWS = Array.from({ length: 8 }, (_, row) => row);

const titles: Readonly<Record<ComparedName, string>> = {
  l2: 'L2: Gaussian, σ = 1',
  l1: 'L1: Laplace, b = 1',
  learned: 'Gaussian, learned σ',
  bernoulli: 'Bernoulli',
};

const steps = signal(200);
const progress = signal<ComparisonProgress | undefined>(undefined);
const originals = signal<readonly Pixels[]>([]);
const compared = signal<readonly Compared[]>([]);
const outcome = signal('');

export function Blur() {
  const advice = misfit();
  const isRunning = progress.value !== undefined;
  return (
    <Card id="blur" title="Why blurry?" text={Text} class="wide blur">
      <p>
        Train four fresh copies of your model on the same images. They differ in their likelihood alone. Your
        model pauses, and stays as it is.
      </p>
      <div class="row">
        <label class="blur-steps">
          <span>
            Steps of each copy: <span class="number">{steps.value}</span>
          </span>
          <input
            type="range"
            min="20"
            max="500"
            step="10"
            value={steps.value}
            disabled={isRunning}
            onInput={({ currentTarget }) => (steps.value = Number(currentTarget.value))}
          />
        </label>
        {isRunning ? (
          <button type="button" onClick={() => void studio.cancelComparison()}>
            Cancel
          </button>
        ) : (
          <button
            type="button"
            disabled={!model.value || advice !== undefined}
            onClick={() => void compare()}
          >
            Compare
          </button>
        )}
      </div>
      {advice !== undefined && <p class="faint">{advice}</p>}
      {progress.value && <Progress progress={progress.value} />}
      <p role="status" class="faint">
        {outcome.value}
      </p>
      {compared.value.length > 0 && <Results />}
    </Card>
  );
}

async function compare(): Promise<void> {
  const { learningRate, beta } = settings.peek();
  const request = { steps: steps.value, learningRate, beta, settings: trainingSettings(), rows: ROWS };
  compared.value = [];
  outcome.value = '';
  progress.value = { name: 'l2', step: 0, steps: 4 * steps.value };
  await attempt(async () => {
    originals.value = await studio.heldOut(ROWS);
    await studio.compare(request, proxy(receive));
    const { length } = compared.value;
    const ended = length === 4 ? 'Done' : 'Cancelled';
    outcome.value = `${ended}: ${length} of 4 copies were trained. They are off the GPU again.`;
  });
  progress.value = undefined;
}

function receive(news: ComparisonProgress | Compared): void {
  if ('samples' in news) compared.value = [...compared.value, news];
  else progress.value = news;
}

function Progress({ progress: { name, step, steps: all } }: { readonly progress: ComparisonProgress }) {
  return (
    <label class="blur-progress">
      Training: {titles[name]}
      <progress value={step} max={all} />
    </label>
  );
}

function Results() {
  return (
    <>
      <p>Of each: held-out images, their reconstructions, and samples.</p>
      <div class="blur-results">
        {compared.value.map((result) => (
          <Result key={result.name} result={result} />
        ))}
      </div>
    </>
  );
}

function Result({ result }: { readonly result: Compared }) {
  const { name, reconstructions, samples, squaredError, absoluteError, scale } = result;
  const title = titles[name];
  return (
    <figure>
      <figcaption>
        {title}
        {name === 'learned' && <span class="faint"> (now {scale?.toFixed(2)})</span>}
      </figcaption>
      <Pictures pictures={originals.value} label="The held-out images" />
      <Pictures pictures={reconstructions} label={`${title}: reconstructions of the images`} />
      <Pictures pictures={samples} label={`${title}: samples`} />
      <p class="faint number">
        squared error {squaredError.toFixed(4)} · absolute {absoluteError.toFixed(4)}
        {isLeast(result, 'squaredError') && ' · least squared'}
        {isLeast(result, 'absoluteError') && ' · least absolute'}
      </p>
    </figure>
  );
}

function isLeast(result: Compared, error: 'squaredError' | 'absoluteError'): boolean {
  return compared.value.length === 4 && compared.value.every((other) => result[error] <= other[error]);
}
