/** Choosing the two ends of a way: held-out images, by buttons that show them, or the latent point as it is. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Pixels } from 'webgpu-vae';
import { data } from '../state.js';
import { className, heldOutCodes } from './codes.js';
import { useHeldOut } from './held-out.js';

/** A held-out image, or K numbers. */
export type Pin = { readonly row: number } | { readonly z: readonly number[] };
type Pins = readonly [Pin, Pin];

const PICTURES = 12;
const ends = ['A', 'B'] as const;

export interface PinChoiceProps {
  readonly pins: Pins;
  /** The latent point, as a pin. */
  readonly here: () => Pin;
  readonly onChange: (pins: Pins) => void;
}

export function PinChoice({ pins, here, onChange }: PinChoiceProps) {
  const [end, setEnd] = useState<0 | 1>(0);
  const [first, setFirst] = useState(0);
  useEffect(() => setFirst(0), [data.value]);
  const rows = useMemo(() => Array.from({ length: PICTURES }, (_, i) => first + i), [first]);
  const pictures = useHeldOut(rows);
  const pin = (chosen: Pin): void => {
    onChange(end === 0 ? [chosen, pins[1]] : [pins[0], chosen]);
    setEnd(end === 0 ? 1 : 0);
  };
  const testRows = data.value?.testRows ?? 0;
  return (
    <>
      <fieldset class="segments">
        <legend>Pin as</legend>
        {ends.map((name, place) => (
          <label key={name}>
            <input type="radio" name="end" checked={end === place} onChange={() => setEnd(place as 0 | 1)} />
            <span>
              {name} <small class="faint">{describePin(pins[place as 0 | 1])}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="pictures" role="group" aria-label="Held-out images to pin">
        {pictures.map((pixels, i) => (
          <PictureButton
            key={first + i}
            pixels={pixels}
            name={`${describePin({ row: first + i })}, number ${first + i + 1}`}
            mark={markOf(pins, first + i)}
            onClick={() => pin({ row: first + i })}
          />
        ))}
      </div>
      <div class="row">
        <button
          type="button"
          disabled={testRows <= PICTURES}
          onClick={() => setFirst(first + PICTURES < testRows ? first + PICTURES : 0)}
        >
          Other images
        </button>
        <button type="button" onClick={() => pin(here())}>
          Pin the latent point
        </button>
      </div>
    </>
  );
}

function describePin(pin: Pin): string {
  if ('z' in pin) return 'a point';
  const label = heldOutCodes.value?.labels?.[pin.row];
  return label === undefined ? 'an image' : className(label);
}

/** Which end an image is. */
function markOf(pins: Pins, row: number): string {
  return ends.filter((_, place) => (pins[place as 0 | 1] as { row?: number }).row === row).join(' and ');
}

interface PictureButtonProps {
  readonly pixels: Pixels;
  readonly name: string;
  readonly mark: string;
  readonly onClick: () => void;
}

function PictureButton({ pixels, name, mark, onClick }: PictureButtonProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { data: bytes, width, height } = pixels;
    const image = new ImageData(new Uint8ClampedArray(bytes), width, height);
    ref.current?.getContext('2d')?.putImageData(image, 0, 0);
  }, [pixels]);
  return (
    <button type="button" class="picture" aria-label={mark ? `${name}, is ${mark}` : name} onClick={onClick}>
      <canvas ref={ref} width={pixels.width} height={pixels.height} />
      {mark && <span class="pin">{mark.replace(' and ', '')}</span>}
    </button>
  );
}
