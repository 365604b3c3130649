/** Some of the images that are held out, and what the set is. */
import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Pixels } from 'webgpu-vae';
import { attempt, studio } from '../session.js';
import { data } from '../state.js';
import type { DataFacts } from '../studio/protocol.js';

const COLUMNS = 8;
const IMAGES = 2 * COLUMNS;
const MOST_NAMED = 10;

export function Preview() {
  const ref = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    const facts = data.value;
    if (!facts) return;
    void attempt(async () => {
      const pictures = await studio.heldOut(Array.from({ length: IMAGES }, (_, row) => row));
      if (data.peek() === facts && ref.current) draw(ref.current, pictures);
    });
  });
  const facts = data.value;
  return (
    <figure class="preview">
      <canvas
        ref={ref}
        // the place that the images will take
        width={COLUMNS}
        height={IMAGES / COLUMNS}
        class="live"
        role="img"
        aria-label={facts ? `Some images of ${facts.name}` : 'No images yet'}
      />
      <figcaption class="faint">{facts ? describe(facts) : 'No images yet: choose some.'}</figcaption>
    </figure>
  );
}

function describe({ rows, testRows, shape, classes }: DataFacts): string {
  const [height, width, channels] = shape;
  const parts = [
    `${rows.toLocaleString('en')} to learn from, ${testRows.toLocaleString('en')} to look at`,
    `${height} × ${width} pixels`,
    channels === 1 ? 'grey' : 'colour',
    ...(classes.length > 0 ? [`${classes.length} classes: ${listed(classes)}`] : []),
  ];
  return parts.join(' · ');
}

function listed(names: readonly string[]): string {
  return names.length > MOST_NAMED ? `${names.slice(0, MOST_NAMED).join(', ')} …` : names.join(', ');
}

/** Side by side, a pixel a pixel; the page makes it larger. */
function draw(canvas: HTMLCanvasElement, pictures: readonly Pixels[]): void {
  const { width = 1, height = 1 } = pictures[0] ?? {};
  canvas.width = width * COLUMNS;
  canvas.height = height * Math.max(1, Math.ceil(pictures.length / COLUMNS));
  const context = canvas.getContext('2d')!;
  for (const [i, { data: bytes }] of pictures.entries())
    context.putImageData(
      new ImageData(bytes as Uint8ClampedArray<ArrayBuffer>, width, height),
      width * (i % COLUMNS),
      height * Math.floor(i / COLUMNS),
    );
}
