/** What the visitor should know; readers hear it, and it stays until it is closed. */
import { dismiss, notes } from '../state.js';

export function Notes() {
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.value.map(({ id, kind, message, actions = [] }) => (
        <p key={id} class={`note ${kind}`}>
          <span>{message}</span>
          {actions.map(({ label, run }) => (
            <button type="button" key={label} onClick={() => (dismiss(id), run())}>
              {label}
            </button>
          ))}
          <button type="button" onClick={() => dismiss(id)} aria-label="Close this note">
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
