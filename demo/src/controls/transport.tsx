/** Play, pause, step, begin anew; what is going on; and a link to it. It stays in sight. */
import { computed, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { change, data, isPlaying, latestTerms, model, settings, speed } from '../state.js';
import { attempt, pause, play, reset, step, trainFromScratch } from '../session.js';
import { CopyLink } from './copy-link.js';
import { draftSettled, problem } from './draft.js';
import './transport.css';

/** Steps that the model has taken; terms name the first one 0. */
const stepCount = computed(() => {
  const { value: terms } = latestTerms;
  return Math.max(terms ? terms.step + 1 : 0, model.value?.step ?? 0);
});

/** What was asked for and is not done yet: kernels of a new model take a while to compile. */
const waiting = signal(0);

async function asked(run: () => Promise<unknown>): Promise<void> {
  waiting.value++;
  await run();
  waiting.value--;
}

export function Transport() {
  const isReady = model.value !== undefined && data.value !== undefined;
  const { value: wrong } = problem;
  useShortcut(isReady);
  return (
    <div class="transport" role="group" aria-label="Training">
      <button
        type="button"
        class="primary"
        disabled={!isReady}
        aria-describedby={wrong && 'draft-unused'}
        onClick={() => void asked(() => draftSettled().then(trainFromScratch))}
      >
        Train from scratch
      </button>
      <PlayButton isReady={isReady} />
      <button type="button" disabled={!isReady} onClick={() => void asked(step)}>
        Step
      </button>
      <button
        type="button"
        disabled={!isReady}
        onClick={() => void asked(() => draftSettled().then(() => attempt(reset)))}
        title="New weights from the seed, without training"
      >
        Reset
      </button>
      <label class="check">
        <input
          type="checkbox"
          checked={settings.value.isSlow}
          onChange={({ currentTarget }) => change({ isSlow: currentTarget.checked })}
        />
        Slow motion
      </label>
      <CopyLink />
      <Progress />
      {wrong && (
        <p class="problem" id="draft-unused">
          The specification has an error in line {wrong.line} and is not used; the last one without errors is.
        </p>
      )}
    </div>
  );
}

function PlayButton({ isReady }: { readonly isReady: boolean }) {
  const onward = stepCount.value === 0 ? (model.value?.isPretrained ? 'Train on' : 'Play') : 'Resume';
  return (
    <button
      type="button"
      disabled={!isReady}
      aria-keyshortcuts="k"
      onClick={() => void asked(isPlaying.value ? pause : play)}
    >
      {isPlaying.value ? 'Pause' : onward} <kbd aria-hidden="true">K</kbd>
    </button>
  );
}

/** K plays and pauses wherever no text is being typed. */
function useShortcut(isReady: boolean): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { key, repeat, ctrlKey, metaKey, altKey, target } = event;
      const isTyping = target instanceof HTMLElement && target.matches('input, textarea, select');
      if (key.toLowerCase() !== 'k' || repeat || ctrlKey || metaKey || altKey || isTyping || !isReady) return;
      void asked(isPlaying.peek() ? pause : play);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [isReady]);
}

/** What is going on is announced when it changes; the counters beside it are not. */
function Progress() {
  const count = stepCount.value;
  const rate = speed.value?.imagesPerSecond;
  const rest = count === 0 ? 'Not trained in this tab yet' : `Paused at step ${count.toLocaleString('en')}`;
  return (
    <p class="progress">
      <span role="status">{isPlaying.value ? 'Training' : rest}</span>
      {isPlaying.value && <span> · step {count.toLocaleString('en')}</span>}
      {waiting.value > 0 && <span> · preparing …</span>}
      {isPlaying.value && rate !== undefined && <span> · {rate.toFixed(0)} images/s</span>}
    </p>
  );
}
