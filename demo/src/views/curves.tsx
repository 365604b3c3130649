/** The terms of the bound over the steps; the numbers beside them name the curves, and follow the pointer. */
import { effect, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { Terms } from 'webgpu-vae';
import { history, isPlaying, latestTerms, latestValidation } from '../state.js';
import Text from '../text/elbo.mdx';
import { Card } from './card.js';
import { CurvePlot, type CurvePoint } from './curve-plot.js';
import './curves.css';

/** Readers hear of the training this often. */
const SUMMARY_INTERVAL_MS = 5000;

const bound = [
  { name: 'elbo', color: '--elbo' },
  { name: 'reconstruction', color: '--reconstruction' },
  { name: 'held-out elbo', color: '--validation' },
] as const;
const divergence = [{ name: 'KL', color: '--kl' }] as const;

/** The point under the pointer. */
const hovered = signal<CurvePoint | undefined>(undefined);

export function Curves() {
  const isEmpty = history.value.training.length === 0;
  return (
    <Card id="curves" title="Learning curves" text={Text} class="curves">
      {isEmpty ? (
        <p class="curves-empty faint">
          No step has been taken yet. Press “Train from scratch”, and the curves begin here.
        </p>
      ) : (
        <>
          <CurvePlot
            label="Curves of elbo and reconstruction over the steps, nats an image"
            lines={bound}
            points={boundPoints}
            heightPx={190}
            onHover={(point) => (hovered.value = point)}
          />
          <CurvePlot
            label="Curve of the KL over the steps, nats an image"
            lines={divergence}
            points={klPoints}
            heightPx={120}
          />
        </>
      )}
      <Numbers />
      <Summary />
    </Card>
  );
}

/** elbo and reconstruction of the training, elbo of the held-out images. */
function boundPoints(): CurvePoint[] {
  const { training, validation } = history.value;
  return [
    ...training.map(({ step, elbo, reconstruction }) => ({ step, values: [elbo, reconstruction, null] })),
    ...validation.map(({ step, elbo }) => ({ step, values: [null, null, elbo] })),
  ].toSorted((a, b) => a.step - b.step);
}

function klPoints(): CurvePoint[] {
  return history.value.training.map(({ step, kl }) => ({ step, values: [kl] }));
}

function Numbers() {
  const step = hovered.value?.step;
  const { training } = history.value;
  const terms = step === undefined ? latestTerms.value : training.find((point) => point.step >= step);
  return (
    <dl class="numbers" aria-label={terms && `Step ${terms.step}`}>
      <div>
        <dt>step</dt>
        <dd>{terms?.step ?? '–'}</dd>
      </div>
      <Number name="ELBO" color="--elbo" value={terms?.elbo} />
      <Number name="reconstruction" color="--reconstruction" value={terms?.reconstruction} />
      <Number name="KL" color="--kl" value={terms?.kl} />
      <Number name="held-out ELBO" color="--validation" value={latestValidation.value?.elbo} />
    </dl>
  );
}

interface NumberProps {
  readonly name: string;
  /** The custom property of its curve. */
  readonly color: string;
  readonly value: number | undefined;
}

function Number({ name, color, value }: NumberProps) {
  return (
    <div>
      <dt>
        <span class="curve-mark" style={{ background: `var(${color})` }} /> {name}
      </dt>
      <dd>{value === undefined ? '–' : `${value.toFixed(2)} nats`}</dd>
    </div>
  );
}

/** What the curves say, for those who do not see them: now and then, and when the training stops. */
function Summary() {
  const [said, setSaid] = useState('');
  useEffect(() => {
    let last = 0;
    return effect(() => {
      const terms = latestTerms.value;
      const isDue = !isPlaying.value || performance.now() - last > SUMMARY_INTERVAL_MS;
      if (!terms || !isDue) return;
      last = performance.now();
      setSaid(describe(terms));
    });
  }, []);
  return <output class="unseen">{said}</output>;
}

function describe({ step, elbo, kl }: Terms & { readonly step: number }): string {
  return `Step ${step}: elbo ${elbo.toFixed(1)}, KL ${kl.toFixed(1)} nats an image.`;
}
