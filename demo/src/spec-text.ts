/** A specification as text: written so that a layer is a line, and read with the line of what is wrong in it. */
import { findNodeAtLocation, parseTree, type Node, type ParseError, type Segment } from 'jsonc-parser';
import { completeSpec, type VaeSpec } from 'webgpu-vae';

/** Of a specification that is read; a long one has 3000. */
export const MOST_CHARACTERS = 20_000;
const MOST_DEPTH = 32;
/** What is longer than this is written over several lines. */
const LINE_CHARACTERS = 72;

export interface Problem {
  /** 1, 2, ... */
  readonly line: number;
  readonly message: string;
}

export interface ReadSpec {
  /** What the text says, if it is JSON. */
  readonly value?: unknown;
  /** The same, if every field of it is right. */
  readonly spec?: VaeSpec;
  readonly problem?: Problem;
}

/** JSON with lists and objects on one line where they fit. */
export function formatSpec(value: unknown, indent = ''): string {
  const line = onOneLine(value);
  if (indent !== '' && line.length + indent.length <= LINE_CHARACTERS) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.length > 0)
    return `[\n${value.map((item) => inner + formatSpec(item, inner)).join(',\n')}\n${indent}]`;
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return line;
  const fields = Object.entries(value).filter(([, item]) => item !== undefined);
  const lines = fields.map(([name, item]) => `${inner}${JSON.stringify(name)}: ${formatSpec(item, inner)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** JSON with a space behind commas and colons. */
function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${fields.map(([name, item]) => `${JSON.stringify(name)}: ${onOneLine(item)}`).join(', ')}}`;
}

/** Reads a text, checking every field; what layers make of each other is checked elsewhere. */
export function readSpec(text: string): ReadSpec {
  if (text.length > MOST_CHARACTERS)
    return problemAt(1, `The text has ${text.length} characters; expected at most ${MOST_CHARACTERS}.`);
  const depth = deepLine(text);
  if (depth !== undefined) return problemAt(depth, 'Lists are nested too deep; expected a few levels.');
  const errors: ParseError[] = [];
  parseTree(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first)
    return problemAt(lineAt(text, first.offset), faults[first.error] ?? 'This is not JSON; check it.');
  const value: unknown = JSON.parse(text);
  try {
    completeSpec(value);
    return { value, spec: value as VaeSpec };
  } catch (error) {
    return { value, problem: locate(text, error instanceof Error ? error.message : String(error)) };
  }
}

function problemAt(line: number, message: string): ReadSpec {
  return { problem: { line, message } };
}

/** What the parser's numbers mean: ParseErrorCode, which is a type only. */
const faults: Readonly<Record<number, string>> = {
  1: 'This is no word of JSON; put text between double quotes.',
  2: 'This is no number; write it like 0.5.',
  3: 'A field’s name is missing here; put it between double quotes, or take away the comma before.',
  4: 'A value is missing here; put one, or take away the comma before.',
  5: 'A colon is missing between the field’s name and its value.',
  6: 'A comma is missing before this.',
  7: 'A closing brace } is missing.',
  8: 'A closing bracket ] is missing.',
  9: 'There is more after the end; the text is one object.',
  10: 'JSON has no comments; take it away.',
  12: 'The closing double quote is missing.',
  15: 'The text has a character sequence with \\ that JSON does not know.',
};

/** The problem of a message `[where] ...` of the library, beside the line of the field that it names. */
export function locate(text: string, message: string): Problem {
  const [, where = '', rest = message] = /^\[([^\s]+?)\](?=\s)\s*(.*)$/s.exec(message) ?? [];
  const unknownField = /unknown field '(.+?)'/.exec(rest)?.[1];
  const path = [...segments(where), ...(unknownField === undefined ? [] : [unknownField])];
  const subject = where.replace(/^spec\.?/, '') || 'The specification';
  return { line: lineAt(text, offsetOf(text, path)), message: where ? `${subject} ${rest}` : rest };
}

/** `spec.encoder[0].units` -> encoder, 0, units */
function segments(where: string): Segment[] {
  if (!where.startsWith('spec')) return [];
  return Array.from(where.slice(4).matchAll(/\.([^.[\]]+)|\[(\d+)\]/g), ([, name, index]) =>
    name === undefined ? Number(index) : name,
  );
}

/** Where the value begins, or the innermost that is there of those around it. */
function offsetOf(text: string, path: readonly Segment[]): number {
  const root = parseTree(text);
  if (!root) return 0;
  for (let length = path.length; length > 0; length--) {
    const node: Node | undefined = findNodeAtLocation(root, path.slice(0, length));
    if (node) return (node.parent?.type === 'property' ? node.parent : node).offset;
  }
  return root.offset;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The line where brackets are deeper than any specification; what recurses over it would not come back. */
function deepLine(text: string): number | undefined {
  let depth = 0;
  for (let offset = 0; offset < text.length; offset++) {
    if ('[{'.includes(text[offset]!) && ++depth > MOST_DEPTH) return lineAt(text, offset);
    if (']}'.includes(text[offset]!)) depth--;
  }
  return undefined;
}

/** Whether lists and objects are within each other a few times only. */
export function isShallow(value: unknown, depth = MOST_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((item) => isShallow(item, depth - 1));
}
