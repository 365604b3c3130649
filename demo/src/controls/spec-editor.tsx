/** The specification as text, line by line, with what is wrong right beneath the line that it is in. */
import { useEffect, useRef } from 'preact/hooks';
import { MOST_CHARACTERS } from '../spec-text.js';
import { draftText, problem } from './draft.js';
import './spec-editor.css';

const LEAST_LINES = 8;

export function SpecEditor() {
  const details = useRef<HTMLDetailsElement>(null);
  const lines = draftText.value.split('\n').length;
  const { value: wrong } = problem;
  // an error that cannot be seen helps nobody
  useEffect(() => void (wrong && details.current && (details.current.open = true)), [wrong]);
  return (
    <details ref={details} class="spec">
      <summary>The specification as text</summary>
      <div class={`editor ${wrong ? 'wrong' : ''}`}>
        <ol aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => (
            <li key={index} class={index + 1 === wrong?.line ? 'marked' : ''} />
          ))}
        </ol>
        <textarea
          aria-label="Specification"
          aria-invalid={wrong !== undefined}
          aria-describedby="spec-problem"
          wrap="off"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          maxLength={MOST_CHARACTERS}
          rows={Math.max(LEAST_LINES, lines)}
          value={draftText.value}
          onInput={({ currentTarget }) => (draftText.value = currentTarget.value)}
        />
        <p id="spec-problem" class="bubble" role="status" style={{ '--line': wrong?.line ?? 0 }}>
          {wrong && `Line ${wrong.line}: ${wrong.message}`}
        </p>
      </div>
    </details>
  );
}
