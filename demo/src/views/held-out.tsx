/** Held-out images on the page: their pixels from the worker, and a canvas for a row of them. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Pixels } from 'webgpu-vae';
import { attempt, studio } from '../session.js';
import { data, model } from '../state.js';

/** The images of these rows, anew when others come; empty until they are there. */
export function useHeldOut(rows: readonly number[]): readonly Pixels[] {
  const [pictures, setPictures] = useState<readonly Pixels[]>([]);
  const facts = data.value;
  useEffect(() => {
    let isWanted = true;
    if (facts) void attempt(async () => isWanted && setPictures(await studio.heldOut(rows)));
    return () => (isWanted = false);
  }, [facts, rows]);
  return pictures;
}

/** Why the model cannot read the images, with advice. */
export function misfit(): string | undefined {
  const images = data.value;
  const spec = model.value?.spec;
  if (!images || !spec) return undefined;
  if (images.shape.join() !== spec.input.join())
    return `The images are ${size(images.shape)}, the model reads ${size(spec.input)}. Train a model for these images from scratch, or choose others.`;
  if (spec.condition && images.classes.length === 0)
    return 'The model wants to know the class of each image, and these have none. Choose images with labels, or a model without a condition.';
  return undefined;
}

function size(shape: readonly number[]): string {
  return shape.join(' × ');
}

export interface PicturesProps {
  readonly pictures: readonly Pixels[];
  /** What is shown, for those who do not see it. */
  readonly label: string;
}

/** Pictures of one size side by side. */
export function Pictures({ pictures, label }: PicturesProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = ref.current!;
    const { width = 1, height = 1 } = pictures[0] ?? {};
    canvas.width = width * Math.max(1, pictures.length);
    canvas.height = height;
    const context = canvas.getContext('2d')!;
    pictures.forEach(({ data: pixels }, index) =>
      context.putImageData(new ImageData(new Uint8ClampedArray(pixels), width), index * width, 0),
    );
  }, [pictures]);
  return <canvas ref={ref} role="img" aria-label={label} class="live" />;
}
