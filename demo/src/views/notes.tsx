/** What the visitor should know; readers hear it, and it stays until it is closed. */
import { dismiss, notes } from '../state.js';

export function Notes() {
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.value.map(({ id, kind, message }) => (
        <p key={id} class={`note ${kind}`}>
          <span>{message}</span>
          <button type="button" onClick={() => dismiss(id)} aria-label="Close this note">
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
