/** A canvas that the worker draws on, from the GPU: it shows `drawing` of the model, and again whenever the weights change. */
import { transfer } from 'comlink';
import { useEffect, useRef } from 'preact/hooks';
import { attempt, studio } from '../session.js';
import type { Drawing } from '../studio/protocol.js';

export interface LiveCanvasProps {
  /** Of this canvas alone. */
  readonly name: string;
  /** Nothing is drawn without one. The same object is not drawn twice. */
  readonly drawing: Drawing | undefined;
  /** What the picture shows, for those who do not see it. */
  readonly label: string;
  readonly class?: string;
}

export function LiveCanvas({ name, drawing, label, class: className = '' }: LiveCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  const attached = useRef<Promise<void>>(undefined);
  useEffect(() => {
    const canvas = ref.current!;
    // a canvas is given away once; Preact makes another one for another mount
    const offscreen = canvas.transferControlToOffscreen();
    attached.current = studio.attach(name, transfer(offscreen, [offscreen]));
    const watch = new IntersectionObserver(
      ([entry]) => void studio.setVisible(name, entry?.isIntersecting ?? true),
      { rootMargin: '200px' },
    );
    watch.observe(canvas);
    return () => {
      watch.disconnect();
      void studio.detach(name);
    };
  }, [name]);
  useEffect(() => {
    if (drawing) void attempt(async () => (await attached.current, await studio.draw(name, drawing)));
  }, [name, drawing]);
  return <canvas ref={ref} role="img" aria-label={label} class={`live ${className}`} />;
}
