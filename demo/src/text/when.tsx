/** A part of a text that is about one kind of objective or likelihood: shown while the draft has that kind. */
import type { ComponentChildren } from 'preact';
import { draft } from '../controls/draft.js';
import { completePart } from '../controls/parts.js';

export interface WhenProps {
  readonly part: 'objective' | 'likelihood';
  /** The kinds that it is about, with spaces between. */
  readonly is: string;
  readonly children: ComponentChildren;
}

export function When({ part, is, children }: WhenProps) {
  const value = draft.value.value as Readonly<Record<string, unknown>> | undefined;
  const type = completePart(part, value?.[part])?.type;
  return type !== undefined && is.split(' ').includes(type) ? <>{children}</> : null;
}
