/** What a training step does on the GPU, dispatch by dispatch, with measured times. */
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { attempt, studio, trainingSettings } from '../session.js';
import { model, speed } from '../state.js';
import type { PlanRow, StepPlan } from '../studio/protocol.js';
import { formatCount, formatQuantity } from '../quantity.js';
import Text from '../text/plan.mdx';
import { Card } from './card.js';
import './plan.css';

const plan = signal<StepPlan | undefined>(undefined);
const isMeasuring = signal(false);

/** By what labels begin with; the first that fits. */
const groups = [
  { name: 'Backward', prefixes: ['gradient '] },
  { name: 'Update', prefixes: ['update ', 'moving average'] },
  { name: 'Forward', prefixes: [''] },
] as const;
const groupOrder = ['Forward', 'Backward', 'Update'] as const;

export function Plan() {
  return (
    <Card id="plan" title="What a step does" text={Text} class="wide plan">
      <div class="row">
        <button type="button" disabled={!model.value || isMeasuring.value} onClick={() => void measure()}>
          Measure a step
        </button>
        <span class="faint">It takes one training step, with a clock at every dispatch.</span>
      </div>
      <p role="status" class="faint">
        {describe()}
      </p>
      {plan.value && <Measured plan={plan.value} />}
    </Card>
  );
}

async function measure(): Promise<void> {
  isMeasuring.value = true;
  await attempt(async () => (plan.value = await studio.profile(trainingSettings())));
  isMeasuring.value = false;
}

function describe(): string {
  if (isMeasuring.value) return 'Measuring …';
  if (!plan.value) return '';
  const { rows } = plan.value;
  if (!isTimed(plan.value))
    return `${rows.length} dispatches. This device has no timestamp queries: what they do is shown, not how long they take, and no step was taken.`;
  return `Measured: ${rows.length} dispatches take ${formatMs(sum(rows, 'timeMs'))}.`;
}

function isTimed({ rows }: StepPlan): boolean {
  return rows.some(({ timeMs }) => timeMs !== undefined);
}

function sum(rows: readonly PlanRow[], of: 'flops' | 'byteLength' | 'timeMs'): number {
  return rows.reduce((all, row) => all + (row[of] ?? 0), 0);
}

function formatMs(timeMs: number): string {
  return `${timeMs >= 100 ? timeMs.toFixed(0) : timeMs.toPrecision(3)} ms`;
}

function Measured({ plan: step }: { readonly plan: StepPlan }) {
  const { rows, dispatches, batchSize, submits, gpuByteLength } = step;
  return (
    <>
      <dl class="numbers">
        {isTimed(step) && <Fact name="GPU time" value={formatMs(sum(rows, 'timeMs'))} />}
        <Fact name="dispatches" value={String(dispatches)} />
        <Fact name="submits" value={String(submits)} />
        <Fact name="arithmetic" value={formatQuantity(sum(rows, 'flops'), 'FLOP')} />
        <Fact name="read and written" value={formatQuantity(sum(rows, 'byteLength'), 'B')} />
        <Fact name="batch" value={`${batchSize} images`} />
        {speed.value && (
          <Fact name="while training" value={`${formatCount(speed.value.imagesPerSecond)} images/s`} />
        )}
        <Fact name="memory on the GPU" value={formatQuantity(gpuByteLength, 'B')} />
      </dl>
      <table>
        <caption class="unseen">Dispatches of a training step</caption>
        <thead>
          <tr>
            <th scope="col">Operation</th>
            <th scope="col" class="more">
              Kernel
            </th>
            <th scope="col" class="more">
              Shapes
            </th>
            <th scope="col" class="figure more">
              FLOP
            </th>
            <th scope="col" class="figure more">
              Bytes
            </th>
            <th scope="col" class="figure">
              Time
            </th>
            <th scope="col" class="share">
              Share
            </th>
          </tr>
        </thead>
        {groupOrder.map((name) => (
          <Group key={name} name={name} step={step} />
        ))}
      </table>
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function groupOf({ label }: PlanRow): string {
  return groups.find(({ prefixes }) => prefixes.some((prefix) => label.startsWith(prefix)))!.name;
}

function Group({ name, step }: { readonly name: string; readonly step: StepPlan }) {
  const rows = step.rows.filter((row) => groupOf(row) === name);
  if (rows.length === 0) return null;
  const whole = sum(step.rows, 'timeMs');
  return (
    <tbody>
      <tr class="group">
        <th scope="rowgroup">{name}</th>
        <td class="more" colSpan={2}>
          {rows.length} {rows.length === 1 ? 'dispatch' : 'dispatches'}
        </td>
        <td class="more figure">{formatQuantity(sum(rows, 'flops'), '')}</td>
        <td class="more figure">{formatQuantity(sum(rows, 'byteLength'), 'B')}</td>
        <Time timeMs={isTimed(step) ? sum(rows, 'timeMs') : undefined} whole={whole} />
      </tr>
      {rows.map((row, index) => (
        <tr key={index}>
          <td>{breakable(shortLabel(row.label))}</td>
          <td class="more faint">{breakable(row.kernel)}</td>
          <td class="more faint">{row.shapes}</td>
          <td class="more figure">{formatQuantity(row.flops, '')}</td>
          <td class="more figure">{formatQuantity(row.byteLength, 'B')}</td>
          <Time timeMs={row.timeMs} whole={whole} />
        </tr>
      ))}
    </tbody>
  );
}

/** The group says it already. */
function shortLabel(label: string): string {
  return label.replace(/^gradient /, '');
}

/** Lines may end behind a separator. */
function breakable(name: string): ComponentChildren {
  return name.split(/(?<=[/+_])/).flatMap((part, index) => (index === 0 ? [part] : [<wbr />, part]));
}

/** A dispatch's or a group's time, and a bar of its share. */
function Time({ timeMs, whole }: { readonly timeMs: number | undefined; readonly whole: number }) {
  const share = timeMs === undefined || whole === 0 ? undefined : timeMs / whole;
  return (
    <>
      <td class="figure">{timeMs === undefined ? '–' : `${timeMs.toFixed(2)} ms`}</td>
      <td class="share">
        {share !== undefined && (
          <>
            <span class="bar" style={{ width: `${(100 * share).toFixed(1)}%` }} />
            <span>{(100 * share).toFixed(1)} %</span>
          </>
        )}
      </td>
    </>
  );
}
