/** The decoded way between two pinned images, straight or along the sphere. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { data, model } from '../state.js';
import Text from '../text/interpolation.mdx';
import { Card } from './card.js';
import { drawingOf, heldOutCodes, latentSize, shownClass } from './codes.js';
import './interpolation.css';
import { LiveCanvas } from './live-canvas.js';
import { PinChoice, type Pin } from './pins.js';
import { point } from './point.js';
import { usePlay } from './use-play.js';
import { wayBetween, type WayKind } from './way.js';

/** Images of the strip, and places of the slider; every tenth place is on the strip. */
const STRIP = 11;
const PLACES = 101;

export function Interpolation() {
  const [pins, setPins] = useState<readonly [Pin, Pin]>([{ row: 0 }, { row: 1 }]);
  const [kind, setKind] = useState<WayKind>('linear');
  useEffect(() => setPins([{ row: 0 }, { row: 1 }]), [data.value]);
  const [a, b] = [useCode(pins[0]), useCode(pins[1])];
  const way = useMemo(() => (a && b ? wayBetween(a, b, kind, PLACES) : undefined), [a, b, kind]);
  return (
    <Card id="interpolation" title="From one image to another" text={Text}>
      <PinChoice pins={pins} here={() => ({ z: [...point()] })} onChange={setPins} />
      <fieldset class="segments">
        <legend>Way</legend>
        {(['linear', 'spherical'] as const).map((name) => (
          <label key={name}>
            <input type="radio" name="way" checked={kind === name} onChange={() => setKind(name)} />
            {name}
          </label>
        ))}
      </fieldset>
      {way ? (
        <Way codes={way.codes} isArc={way.kind === kind} />
      ) : (
        <p class="faint">Pin two images that the model takes, or two points.</p>
      )}
    </Card>
  );
}

/** K numbers of a pin, as the model places it now. */
function useCode(pin: Pin): Float32Array | undefined {
  const K = latentSize.value;
  const codes = heldOutCodes.value;
  return useMemo(() => {
    if ('z' in pin) return pin.z.length === K ? Float32Array.from(pin.z) : undefined;
    const code = codes?.mean.slice(pin.row * K, (pin.row + 1) * K);
    return code && code.length === K && K > 0 ? code : undefined;
  }, [pin, codes, K]);
}

/** @param isArc whether the codes go the way that was asked for */
function Way({ codes, isArc }: { readonly codes: Float32Array; readonly isArc: boolean }) {
  const { place, setPlace, isPlaying, toggle } = usePlay(PLACES, STRIP);
  const K = latentSize.value;
  const looks = [codes, K, model.value?.spec.condition?.classes, shownClass.value];
  const strip = useMemo(() => drawingOf(everyTenth(codes, K), STRIP), looks);
  const between = useMemo(() => drawingOf(codes.slice(place * K, (place + 1) * K), 1), [...looks, place]);
  const share = place / (PLACES - 1);
  return (
    <>
      {!isArc && <p class="faint">These two have no single arc between them; this is the straight line.</p>}
      <LiveCanvas name="way" drawing={strip} label={`${STRIP} decoded images on the way from A to B`} />
      <div class="between">
        <LiveCanvas name="between" drawing={between} label="The decoded image between A and B" />
        <div>
          <label>
            Between A and B <span class="number">t = {share.toFixed(2)}</span>
            <input
              type="range"
              min={0}
              max={PLACES - 1}
              value={place}
              aria-valuetext={`${Math.round(100 * share)} percent from A to B`}
              onInput={(event) => setPlace(+event.currentTarget.value)}
            />
          </label>
          <button type="button" aria-pressed={isPlaying} onClick={toggle}>
            {isPlaying ? 'Stop' : 'Play'}
          </button>
        </div>
      </div>
    </>
  );
}

function everyTenth(codes: Float32Array, K: number): Float32Array {
  const each = (PLACES - 1) / (STRIP - 1);
  const picked = new Float32Array(STRIP * K);
  for (let i = 0; i < STRIP; i++) picked.set(codes.subarray(i * each * K, (i * each + 1) * K), i * K);
  return picked;
}
