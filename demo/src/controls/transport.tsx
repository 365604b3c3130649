/** Play, pause, step, and begin anew. */
import { data, isPlaying, model } from '../state.js';
import { pause, play, step, trainFromScratch } from '../session.js';

export function Transport() {
  const isReady = model.value !== undefined && data.value !== undefined;
  return (
    <div class="transport" role="group" aria-label="Training">
      <button type="button" class="primary" disabled={!isReady} onClick={() => void trainFromScratch()}>
        Train from scratch
      </button>
      {isPlaying.value ? (
        <button type="button" onClick={() => void pause()}>
          Pause
        </button>
      ) : (
        <button type="button" disabled={!isReady} onClick={() => void play()}>
          {model.value?.isPretrained ? 'Train on' : 'Resume'}
        </button>
      )}
      <button type="button" disabled={!isReady} onClick={() => void step()}>
        Step
      </button>
    </div>
  );
}
