/**
 * Reads the small part of JSON that a safetensors header is made of. JSON.parse alone would keep the last
 * of two equal keys, round 2^53 + 1 and take 1e2 for a size, so nothing wider than the format's own grammar
 * passes: strings, whole numbers in plain digits, objects and lists of them.
 */
import { CheckpointError } from '../../gpu/errors.js';

/** Quotes text from a file for a message: escaped, and cut so that it cannot drown the message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 48 ? `${text.slice(0, 48)}...` : text);
}

/**
 * Walks header text once, left to right. Every method throws CheckpointError with the position and what was
 * expected there.
 */
export class HeaderScanner {
  private readonly text: string;
  private readonly where: string;
  private at = 0;

  constructor(text: string, where: string) {
    this.text = text;
    this.where = where;
  }

  /** `{ key: value, ... }`; `onKey` reads the value. Keys are compared decoded, so `"a"` repeats `"\u0061"`. */
  object(what: string, onKey: (key: string) => void): void {
    const seen = new Set<string>();
    this.take('{');
    if (this.takeIf('}')) return;
    do {
      const key = this.string(`a ${what} name in quotes`);
      if (seen.has(key)) {
        throw new CheckpointError(
          this.where,
          `${what} ${quote(key)} appears twice in the header; readers would disagree on which counts; save the file again`,
        );
      }
      seen.add(key);
      this.take(':');
      onKey(key);
    } while (this.takeIf(','));
    this.take('}');
  }

  /** A JSON string, decoded. */
  string(expected: string): string {
    this.skipSpace();
    const start = this.at;
    if (this.text[start] !== '"') this.fail(expected);
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    this.at = end + 1;
    try {
      return String(JSON.parse(this.text.slice(start, this.at)));
    } catch {
      this.at = start;
      return this.fail('a complete JSON string');
    }
  }

  /** `[1, 2, ...]`, whole numbers of at least 0. */
  integers(): number[] {
    const list: number[] = [];
    this.take('[');
    if (this.takeIf(']')) return list;
    do list.push(this.integer());
    while (this.takeIf(','));
    this.take(']');
    return list;
  }

  /** Only text that padding may consist of follows. */
  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.fail('the end of the header');
  }

  /** `0` or digits without a leading zero: `-0`, `1.0`, `1e2` and anything above 2^53 - 1 are refused. */
  private integer(): number {
    this.skipSpace();
    const digits = /(?:0|[1-9]\d{0,15})(?![\d.eE])/y;
    digits.lastIndex = this.at;
    const value = Number(digits.exec(this.text)?.[0]);
    if (!Number.isSafeInteger(value)) this.fail('a whole number below 2^53 in plain digits');
    this.at = digits.lastIndex;
    return value;
  }

  private take(char: string): void {
    if (!this.takeIf(char)) this.fail(`'${char}'`);
  }

  private takeIf(char: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    while (this.at < this.text.length && ' \t\n\r'.includes(this.text[this.at]!)) this.at++;
  }

  private fail(expected: string): never {
    const rest = this.text.slice(this.at, this.at + 16);
    throw new CheckpointError(
      this.where,
      `the header ${rest === '' ? 'ends' : `has ${quote(rest)}`} at character ${this.at}; expected ${expected}; ` +
        'the file is damaged or not safetensors',
    );
  }
}
