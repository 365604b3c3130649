/** A pad to draw on: what the model makes of the drawing, and how sure it is. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Collect } from '../drawing/collect.js';
import './drawing-pad.css';
import type { Pad } from '../drawing/pad.js';
import { PadCanvas } from '../drawing/pad-canvas.js';
import {
  conditionOf,
  followSketch,
  posterior,
  posteriorSettled,
  sketch,
  sketchLabel,
  takesPictures,
} from '../drawing/posterior.js';
import { Uncertainty } from '../drawing/uncertainty.js';
import Text from '../text/drawing.mdx';
import { Card } from './card.js';
import { LiveCanvas } from './live-canvas.js';

const WIDEST = 24;

export function DrawingPad() {
  const pad = useRef<Pad>(undefined);
  const [brush, setBrush] = useState(10);
  const [said, setSaid] = useState('');
  const publish = usePublish(pad);
  useEffect(followSketch, []);
  const sayPosterior = async (): Promise<void> => {
    await posteriorSettled();
    setSaid(sentence());
  };
  const change = (run: (pad: Pad) => void): void => {
    if (pad.current) run(pad.current);
    publish();
  };
  return (
    <Card id="drawing" title="Draw for it" text={Text} class="wide">
      <div class="drawing">
        <div>
          <PadCanvas
            brush={brush / 100}
            onReady={(ready) => (pad.current = ready)}
            onChange={publish}
            onStroke={() => requestAnimationFrame(() => void sayPosterior())}
          />
          <div class="row">
            <button type="button" disabled={!sketch.value} onClick={() => change((it) => it.undo())}>
              Undo
            </button>
            <button type="button" disabled={!sketch.value} onClick={() => change((it) => it.clear())}>
              Clear
            </button>
            <label class="brush">
              Brush
              <input
                type="range"
                min={4}
                max={WIDEST}
                value={brush}
                onInput={({ currentTarget }) => setBrush(Number(currentTarget.value))}
              />
            </label>
          </div>
        </div>
        <Reconstruction />
        <Uncertainty />
      </div>
      <p class="unseen" role="status">
        {said}
      </p>
      <Collect pad={pad.current} onAdded={() => change((it) => it.clear())} />
    </Card>
  );
}

/** Tells what is drawn, once a frame. */
function usePublish(pad: { readonly current: Pad | undefined }): () => void {
  const frame = useRef(0);
  return () => {
    if (frame.current) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      sketch.value = pad.current?.isEmpty ? undefined : pad.current?.pixels();
    });
  };
}

function Reconstruction() {
  const pixels = takesPictures.value ? sketch.value : undefined;
  const label = sketchLabel.value;
  const labels = conditionOf(label);
  const drawing = useMemo(
    () => pixels && { columns: 1, reconstruct: [pixels], ...(labels && { labels }) },
    [pixels, labels?.[0]],
  );
  return (
    <div>
      <div class={`made ${pixels ? '' : 'absent'}`}>
        <LiveCanvas name="drawing" drawing={drawing} label="The model's reconstruction of your drawing" />
      </div>
      <p class="faint">
        {pixels ? 'What the model makes of it' : 'Draw something, and the model answers here.'}
      </p>
    </div>
  );
}

/** For those who do not see the bars; said when a stroke has ended. */
function sentence(): string {
  const told = posterior.peek();
  if (!told) return '';
  const { mean, deviation } = told;
  const numbers = mean
    .slice(0, 3)
    .map((value, k) => `${value.toFixed(1)} plus or minus ${(deviation?.[k] ?? 0).toFixed(1)}`);
  return `The model places it at ${numbers.join(', ')}${mean.length > 3 ? ' and so on' : ''}.`;
}
