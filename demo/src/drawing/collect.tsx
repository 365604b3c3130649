/** Drawings kept as images of the visitor's own. */
import { trainOn } from '../choose-source.js';
import { addDrawing, drawings, removeLastDrawing } from '../own-images.js';
import { sketch, sketchLabel } from './posterior.js';
import type { Pad } from './pad.js';

const LABELS = Array.from({ length: 10 }, (_, label) => label);

export interface CollectProps {
  readonly pad: Pad | undefined;
  /** The drawing has been kept. */
  readonly onAdded: () => void;
}

export function Collect({ pad, onAdded }: CollectProps) {
  const count = drawings.value.length;
  const add = (): void => {
    if (!pad) return;
    addDrawing(pad.thumbnail(), sketchLabel.peek());
    onAdded();
  };
  return (
    <div class="row">
      <label class="row">
        It is a
        <select
          value={sketchLabel.value ?? ''}
          onChange={({ currentTarget: { value } }) =>
            (sketchLabel.value = value === '' ? undefined : Number(value))
          }
        >
          <option value="">–</option>
          {LABELS.map((label) => (
            <option key={label} value={label}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <button type="button" disabled={!sketch.value} onClick={add}>
        Add to my images
      </button>
      <output>
        {count === 0 ? 'No drawings kept yet' : `${count} ${count === 1 ? 'drawing' : 'drawings'} kept`}
      </output>
      <button type="button" disabled={count === 0} onClick={removeLastDrawing}>
        Take the last back
      </button>
      <button type="button" class="primary" disabled={count === 0} onClick={() => void trainOn('drawings')}>
        Train on my drawings
      </button>
    </div>
  );
}
