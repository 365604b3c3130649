/** A view of the page: a heading, what is shown, and a text that explains it. */
import type { ComponentChildren, FunctionComponent } from 'preact';

export interface CardProps {
  /** Also the card's address in the page. */
  readonly id: string;
  readonly title: string;
  readonly children: ComponentChildren;
  /** Behind `What is this?`. */
  readonly text?: FunctionComponent;
  readonly class?: string;
}

export function Card({ id, title, children, text: Text, class: className = '' }: CardProps) {
  return (
    <section class={`card ${className}`} id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
      {Text && (
        <details class="explain">
          <summary>What is this?</summary>
          <Text />
        </details>
      )}
    </section>
  );
}
