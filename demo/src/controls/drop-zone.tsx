/** Files can be dropped anywhere on the page; while they hang over it, it says so. */
import { useEffect, useState } from 'preact/hooks';
import { droppedFiles } from '../dropped.js';
import { attempt } from '../session.js';
import { bring } from './own-files.js';

export function DropZone() {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const onOver = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setIsOver(true);
    };
    const onLeave = ({ relatedTarget }: DragEvent): void => {
      if (!relatedTarget) setIsOver(false); // it has left the window
    };
    const onDrop = (event: DragEvent): void => {
      const { dataTransfer } = event;
      if (!dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setIsOver(false);
      const files = droppedFiles(dataTransfer);
      void attempt(async () => bring(await files));
    };
    window.addEventListener('dragover', onOver, { signal });
    window.addEventListener('dragleave', onLeave, { signal });
    window.addEventListener('drop', onDrop, { signal });
    return () => stop.abort();
  }, []);
  if (!isOver) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      Drop images to learn from, or a model to look at
    </div>
  );
}
