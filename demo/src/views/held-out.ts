/** Held-out images as pictures, for views that show them beside what the model makes of them. */
import { useEffect, useState } from 'preact/hooks';
import type { Pixels } from 'webgpu-vae';
import { attempt, studio } from '../session.js';
import { data } from '../state.js';

/** Pictures of `count` rows from `first` on; fewer at the end, none before they have come. */
export function useHeldOut(first: number, count: number): readonly Pixels[] {
  const [pictures, setPictures] = useState<readonly Pixels[]>([]);
  const facts = data.value;
  useEffect(() => {
    let isWanted = true;
    const rows = Array.from({ length: count }, (_, i) => first + i);
    if (facts)
      void attempt(async () => {
        const came = await studio.heldOut(rows);
        if (isWanted) setPictures(came);
      });
    return () => void (isWanted = false);
  }, [facts, first, count]);
  return pictures;
}
