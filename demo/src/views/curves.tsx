/** The terms of the bound over the steps, drawn by uPlot; the numbers of the last step beside them. */
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { history, latestTerms, latestValidation } from '../state.js';
import Text from '../text/elbo.mdx';
import { Card } from './card.js';

const HEIGHT_PX = 240;

export function Curves() {
  return (
    <Card id="curves" title="Learning curves" text={Text} class="curves">
      <Plot />
      <Numbers />
    </Card>
  );
}

function Plot() {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = ref.current!;
    const plot = new uPlot(options(element), [[], [], [], [], []], element);
    const stop = effect(() => plot.setData(points()));
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    observer.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => plot.redraw();
    scheme.addEventListener('change', redraw);
    // a lost GPU takes what was drawn with it
    plot.ctx.canvas.addEventListener('contextrestored', redraw);
    return () => {
      stop();
      observer.disconnect();
      scheme.removeEventListener('change', redraw);
      plot.destroy();
    };
  }, []);
  return (
    <div
      ref={ref}
      class="plot"
      role="img"
      aria-label="Curves of elbo, reconstruction and KL over the steps"
    />
  );
}

/** Steps, then elbo, reconstruction, -kl of the training and elbo of the held-out images. */
function points(): uPlot.AlignedData {
  const { training, validation } = history.value;
  const rows = [
    ...training.map(({ step, elbo, reconstruction, kl }) => [step, elbo, reconstruction, -kl, null] as const),
    ...validation.map(({ step, elbo }) => [step, null, null, null, elbo] as const),
  ].toSorted((a, b) => a[0] - b[0]);
  return [0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column as 0])) as unknown as uPlot.AlignedData;
}

function options(element: HTMLElement): uPlot.Options {
  const color = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
  const line = (label: string, name: string): uPlot.Series => ({
    label,
    stroke: color(name),
    width: 1.5,
    spanGaps: true,
    points: { show: false },
    value: (_, value: number | null) => (value === null ? '–' : value.toFixed(1)),
  });
  const axis: uPlot.Axis = {
    stroke: color('--ink'),
    grid: { stroke: color('--line') },
    ticks: { stroke: color('--line') },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    scales: { x: { time: false } },
    axes: [axis, { ...axis, size: 56 }],
    series: [
      { label: 'step' },
      line('elbo', '--elbo'),
      line('reconstruction', '--reconstruction'),
      line('−KL', '--kl'),
      line('held-out elbo', '--validation'),
    ],
  };
}

function Numbers() {
  const terms = latestTerms.value;
  const held = latestValidation.value;
  return (
    <dl class="numbers">
      <Number name="ELBO" value={terms?.elbo} />
      <Number name="reconstruction" value={terms?.reconstruction} />
      <Number name="KL" value={terms?.kl} />
      <Number name="held-out ELBO" value={held?.elbo} />
    </dl>
  );
}

function Number({ name, value }: { readonly name: string; readonly value: number | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === undefined ? '–' : `${value.toFixed(2)} nats`}</dd>
    </div>
  );
}
