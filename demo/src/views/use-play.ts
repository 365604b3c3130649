/** A place that goes there and back when it plays; with reduced motion it only goes there, in a few still steps. */
import { useEffect, useState } from 'preact/hooks';

const ONE_WAY_MS = 3000;
const STILL_MS = 800;

export interface Play {
  /** 0 to places - 1. */
  readonly place: number;
  readonly setPlace: (place: number) => void;
  readonly isPlaying: boolean;
  readonly toggle: () => void;
}

export function usePlay(places: number, stills: number): Play {
  const [place, setPlace] = useState(0);
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return undefined;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const end = (): void => setPlaying(false);
    return isCalm ? playStills(places, stills, setPlace, end) : playSmoothly(places, place, setPlace, end);
  }, [isPlaying]);
  return {
    place,
    setPlace: (to) => (setPlaying(false), setPlace(to)),
    isPlaying,
    toggle: () => setPlaying(!isPlaying),
  };
}

function playSmoothly(
  places: number,
  from: number,
  show: (place: number) => void,
  end: () => void,
): () => void {
  let frame = 0;
  let started: number | undefined;
  const run = (now: number): void => {
    started ??= now - (from / (places - 1)) * ONE_WAY_MS;
    const t = Math.min(2, (now - started) / ONE_WAY_MS);
    show(Math.round((t > 1 ? 2 - t : t) * (places - 1)));
    if (t === 2) return end();
    frame = requestAnimationFrame(run);
  };
  frame = requestAnimationFrame(run);
  return () => cancelAnimationFrame(frame);
}

function playStills(
  places: number,
  stills: number,
  show: (place: number) => void,
  end: () => void,
): () => void {
  let still = 0;
  let timer: ReturnType<typeof setTimeout>;
  const run = (): void => {
    if (still === stills) return end();
    show((still++ * (places - 1)) / (stills - 1));
    timer = setTimeout(run, STILL_MS);
  };
  run();
  return () => clearTimeout(timer);
}
