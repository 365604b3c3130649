/** A slider for each latent, on a strip of what the decoder makes along it. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { traversals } from 'webgpu-vae/evaluation';
import { isPlaying, model, settings } from '../state.js';
import Text from '../text/traversals.mdx';
import { Card } from './card.js';
import { drawingOf, heldOutCodes, latentName, latentSize, shownClass } from './codes.js';
import { LiveCanvas } from './live-canvas.js';
import { cellValue } from './plane.js';
import { moveLatents, movePoint, RANGE, slowPoint } from './point.js';
import './traversals.css';

/** More are shown when they are asked for. */
const MOST_LATENTS = 20;
/** Rows are as high as fingers need, so images should not be narrower. */
const LEAST_IMAGE_PX = 40;
const MOST_IMAGES = 11;

export function Traversals() {
  const K = latentSize.value;
  const [isAsked, setAsked] = useState<boolean>();
  const isOpen = isAsked ?? K > 2;
  return (
    <Card id="traversals" title="One latent at a time" text={Text}>
      <div class="row">
        <button type="button" aria-expanded={isOpen} onClick={() => setAsked(!isOpen)}>
          {isOpen ? 'Hide the sliders' : 'Show the sliders'}
        </button>
        <button type="button" onClick={() => movePoint(settings.peek().z.map(() => 0))}>
          Back to the origin
        </button>
      </div>
      {isOpen && K > 0 && <Sliders key={K} K={K} />}
    </Card>
  );
}

function Sliders({ K }: { readonly K: number }) {
  const [hasAll, setAll] = useState(false);
  const order = useOrder(K);
  const latents = hasAll ? order : order.slice(0, MOST_LATENTS);
  return (
    <>
      <div class="traversals">
        <ul>
          {latents.map((k) => (
            <Name key={k} k={k} />
          ))}
        </ul>
        <Strips latents={latents} />
      </div>
      {K > MOST_LATENTS && (
        <button type="button" aria-expanded={hasAll} onClick={() => setAll(!hasAll)}>
          {hasAll ? `Show the first ${MOST_LATENTS}` : `Show all ${K}`}
        </button>
      )}
    </>
  );
}

/** Latents, those that tell most about an image first. The order holds while the model learns: sliders must not run away. */
function useOrder(K: number): readonly number[] {
  const kl = heldOutCodes.value?.klPerLatent;
  const isKnown = kl !== undefined;
  return useMemo(() => {
    const latents = Array.from({ length: K }, (_, k) => k);
    return kl ? latents.toSorted((a, b) => kl[b]! - kl[a]!) : latents;
  }, [K, isKnown, isPlaying.value]);
}

function Name({ k }: { readonly k: number }) {
  const kl = heldOutCodes.value?.klPerLatent?.[k];
  return (
    <li>
      <span>
        {latentName(k)} <span class="number">{(settings.value.z[k] ?? 0).toFixed(2)}</span>
      </span>
      {kl !== undefined && <small class="faint">{kl.toFixed(2)} nats</small>}
    </li>
  );
}

/** The pictures as one canvas, for it is drawn at once, with a slider over each of its rows. */
function Strips({ latents }: { readonly latents: readonly number[] }) {
  const ref = useRef<HTMLDivElement>(null);
  const columns = useColumns(ref);
  const z = slowPoint.value;
  const condition = model.value?.spec.condition?.classes;
  const drawing = useMemo(() => {
    if (columns === 0 || z.length !== latentSize.value) return undefined;
    const range = [cellValue(0, columns), cellValue(columns - 1, columns)] as const;
    return drawingOf(traversals(Float32Array.from(z), { steps: columns, range, latents }), columns);
  }, [columns, z, latents.join(), condition, shownClass.value]);
  const [height = 1, width = 1] = model.value?.spec.input ?? [];
  return (
    <div ref={ref} class="strips" style={{ aspectRatio: `${columns * width} / ${latents.length * height}` }}>
      <LiveCanvas
        name="traversals"
        drawing={drawing}
        label={`Decoded images along ${latents.length} latents`}
      />
      {latents.map((k) => (
        <input
          key={k}
          type="range"
          aria-label={latentName(k)}
          min={-RANGE}
          max={RANGE}
          step={0.05}
          value={settings.value.z[k] ?? 0}
          onInput={(event) => moveLatents([k, +event.currentTarget.value])}
        />
      ))}
    </div>
  );
}

/** Images a row that fit; 0 before that is known. */
function useColumns(ref: { readonly current: HTMLElement | null }): number {
  const [columns, setColumns] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const fitting = Math.floor((entry?.contentRect.width ?? 0) / LEAST_IMAGE_PX);
      setColumns(Math.min(MOST_IMAGES, Math.max(3, fitting)));
    });
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return columns;
}
