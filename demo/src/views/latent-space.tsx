/** The heart of the page: the plane of two latents, as images and as codes, and the image at the point that is dragged. */
import { useMemo, useState } from 'preact/hooks';
import { change, data, model, settings } from '../state.js';
import Text from '../text/latent-space.mdx';
import { Card } from './card.js';
import { Mark } from './class-marks.js';
import { className, drawingOf, heldOutCodes, latentName, latentSize, shownClass } from './codes.js';
import { describe, LatentHandle } from './latent-handle.js';
import './latent-space.css';
import { LiveCanvas } from './live-canvas.js';
import { imagesPerSide, manifoldCodes } from './plane.js';
import { slowPoint } from './point.js';
import { Scatter } from './scatter.js';

const layers = ['images', 'points', 'both'] as const;
type Layer = (typeof layers)[number];
/** A legend of more classes would be longer than the plane is high. */
const MOST_CLASSES = 20;

export function LatentSpace() {
  const [layer, setLayer] = useState<Layer>('both');
  const isLine = latentSize.value === 1;
  return (
    <Card id="latent-space" title="The latent space" text={Text} class="wide">
      <div class="latent-layout">
        <div class={`plane ${layer} ${isLine ? 'line' : ''}`}>
          <Manifold />
          <Scatter hasPoints={layer !== 'images'} />
          <LatentHandle snaps={layer !== 'images'} />
        </div>
        <div class="latent-side">
          <Decoded />
          <div class="latent-choices">
            <Layers layer={layer} onChange={setLayer} />
            {latentSize.value > 2 && <Axes />}
            <ClassChoice />
          </div>
          {layer !== 'images' && <Legend />}
        </div>
      </div>
    </Card>
  );
}

function Manifold() {
  const K = latentSize.value;
  const { axes, z: now } = settings.value;
  const z = slowPoint.value.length === K ? slowPoint.value : now;
  const n = imagesPerSide(model.value?.spec.input ?? []);
  // on the axes the manifold runs over all values, wherever the point is
  const held = z.map((value, k) => (axes.includes(k) ? 0 : value)).join();
  const drawing = useMemo(
    () => (z.length === K && K > 0 ? drawingOf(manifoldCodes(z, axes, n), n) : undefined),
    [K, axes, n, held, model.value?.spec.condition?.classes, shownClass.value],
  );
  const label = `Decoded images of ${n} values of ${latentName(axes[0])}${K === 1 ? '' : ` by ${n} of ${latentName(axes[1])}`}`;
  return <LiveCanvas name="manifold" drawing={drawing} label={label} class="manifold" />;
}

/** Redrawn with every frame in which the point has moved; nothing else is. */
function Decoded() {
  const { z, axes } = settings.value;
  const drawing = useMemo(
    () => drawingOf(Float32Array.from(z), 1),
    [z, latentSize.value, model.value?.spec.condition?.classes, shownClass.value],
  );
  const shown = [...new Set(axes)];
  return (
    <div class="decoded">
      <LiveCanvas name="point" drawing={drawing} label="The image that the point decodes to" />
      {/* readers hear the slider; hearing this as well would be too much */}
      <output class="number" aria-live="off" aria-label="Coordinates of the point">
        {describe(z, shown)}
      </output>
    </div>
  );
}

function Layers({ layer, onChange }: { readonly layer: Layer; readonly onChange: (layer: Layer) => void }) {
  return (
    <fieldset class="segments">
      <legend>Show</legend>
      {layers.map((name) => (
        <label key={name}>
          <input type="radio" name="layer" checked={layer === name} onChange={() => onChange(name)} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

function Axes() {
  const { axes } = settings.value;
  const choose = (place: 0 | 1, k: number): void => {
    // the latent that was there goes to the other axis if it is asked for twice
    const other = axes[1 - place] === k ? axes[place] : axes[1 - place]!;
    change({ axes: place === 0 ? [k, other] : [other, k] });
  };
  return (
    <div class="row">
      {(['Across', 'Up'] as const).map((name, place) => (
        <label key={name} class="row">
          {name}
          <select
            value={axes[place]}
            onChange={(event) => choose(place as 0 | 1, +event.currentTarget.value)}
          >
            {Array.from({ length: latentSize.value }, (_, k) => (
              <option key={k} value={k}>
                {latentName(k)}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}

/** For a model that is told the class. */
function ClassChoice() {
  const classes = model.value?.spec.condition?.classes;
  if (classes === undefined) return null;
  return (
    <label class="row">
      Decoded as
      <select value={shownClass.value} onChange={(event) => (shownClass.value = +event.currentTarget.value)}>
        {Array.from({ length: classes }, (_, label) => (
          <option key={label} value={label}>
            {className(label)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Legend() {
  if (data.value && model.value && !heldOutCodes.value)
    return <p class="faint">No points: the model takes images of another size than those chosen.</p>;
  const classes = data.value?.classes ?? [];
  if (classes.length === 0 || !heldOutCodes.value?.labels) return null;
  return (
    <ul class="legend" aria-label="Classes">
      {classes.slice(0, MOST_CLASSES).map((name, label) => (
        <li key={name}>
          <Mark label={label} />
          {name}
        </li>
      ))}
      {classes.length > MOST_CLASSES && <li class="faint">and {classes.length - MOST_CLASSES} more</li>}
    </ul>
  );
}
