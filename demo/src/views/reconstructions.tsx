/** Held-out images above what the model makes of their codes, and how far these are from them. */
import { effect } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Pixels } from 'webgpu-vae';
import { attempt, studio } from '../session.js';
import { codes, data, model } from '../state.js';
import Text from '../text/reconstructions.mdx';
import { Card } from './card.js';
import { misfit, Pictures, useHeldOut } from './held-out.js';
import { LiveCanvas } from './live-canvas.js';
import './reconstructions.css';

const COLUMNS = 8;
const LINES = 2;
const COUNT = LINES * COLUMNS;

type Errors = Awaited<ReturnType<typeof studio.likeness>>;

export function Reconstructions() {
  const [page, setPage] = useState(0);
  const rows = useMemo(() => rowsOf(page, data.value?.testRows ?? 0), [page, data.value]);
  const pictures = useHeldOut(rows);
  const advice = misfit();
  return (
    <Card id="reconstructions" title="Reconstructions" text={Text}>
      {advice === undefined ? (
        <>
          <div class="pairs">
            {Array.from({ length: LINES }, (_, line) => (
              <Pairs key={line} line={line} rows={rows} pictures={pictures} />
            ))}
          </div>
          <div class="row">
            <button type="button" onClick={() => setPage(page + 1)}>
              Other images
            </button>
            <Likeness rows={rows} />
          </div>
        </>
      ) : (
        <p class="faint">{advice}</p>
      )}
    </Card>
  );
}

/** The page's rows; behind the last one it begins anew. */
function rowsOf(page: number, testRows: number): readonly number[] {
  return Array.from({ length: Math.min(COUNT, testRows) }, (_, index) => (page * COUNT + index) % testRows);
}

interface PairsProps {
  readonly line: number;
  readonly rows: readonly number[];
  readonly pictures: readonly Pixels[];
}

/** A line of images above their reconstructions. */
function Pairs({ line, rows, pictures }: PairsProps) {
  const shown = useMemo(() => pictures.slice(line * COLUMNS, (line + 1) * COLUMNS), [pictures, line]);
  const isConditional = model.value?.spec.condition !== undefined;
  const labels = isConditional ? codes.value?.labels : undefined;
  const drawing = useMemo(() => {
    if (shown.length === 0 || (isConditional && !labels)) return undefined;
    const lineRows = rows.slice(line * COLUMNS, (line + 1) * COLUMNS);
    const own = labels && { labels: lineRows.map((row) => labels[row] ?? 0) };
    return { columns: shown.length, reconstruct: shown, ...own };
  }, [shown, labels, isConditional]);
  return (
    <div hidden={pictures.length > 0 && shown.length === 0}>
      <Pictures pictures={shown} label={`${shown.length} held-out images`} />
      <LiveCanvas
        name={`reconstructions-${line}`}
        drawing={drawing}
        label={`Their reconstructions, in the same order`}
      />
    </div>
  );
}

/** Measured whenever the worker tells where the images lie, which is now and then. */
function Likeness({ rows }: { readonly rows: readonly number[] }) {
  const [errors, setErrors] = useState<Errors>();
  useEffect(
    () =>
      effect(() => {
        if (!codes.value || rows.length === 0 || misfit() !== undefined) return;
        void attempt(async () => setErrors(await studio.likeness(rows)));
      }),
    [rows],
  );
  if (!errors) return <span class="faint">…</span>;
  return (
    <output class="number" aria-live="off">
      mean PSNR {errors.psnr.toFixed(2)} dB{' '}
      <span class="faint">· squared error {errors.squared.toFixed(4)} a pixel</span>
    </output>
  );
}
