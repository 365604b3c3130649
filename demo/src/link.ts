/**
 * The visitor's settings as the part of an address behind #, and back: `key=value` pairs of what differs from the defaults.
 * What comes back may be anyone's: every field is checked, sizes are bounded. Nothing here needs a page.
 */
import { deflateSync, inflateSync, strFromU8, strToU8 } from 'fflate';
import { completeSpec, optimizerNames, type VaeSpec } from 'webgpu-vae';
import { outside, ranges, type Range } from './ranges.js';
import { isShallow, MOST_CHARACTERS } from './spec-text.js';
import { defaults, type Settings } from './state.js';

/** What an address says cannot be used. */
export class LinkError extends Error {}

/** Characters of an address; a compressed specification of this length expands to at most 12 MB. */
const MOST_LINK_CHARACTERS = 16_384;
/** Latents of a point in an address. */
const MOST_LATENTS = 4096;
/** Specifications longer than this are compressed, for escapes would make them twice as long. */
const READABLE_CHARACTERS = 300;
/** In front of what is compressed; no JSON begins with it. */
const COMPRESSED = '~';

interface Field<T> {
  readonly key: string;
  readonly format: (value: T) => string;
  /** @throws Error that says what was expected */
  readonly parse: (text: string) => T;
}

const fields: { readonly [Name in keyof Settings]: Field<Settings[Name]> } = {
  source: choice('data', ['fashion', 'shapes', 'own']),
  spec: { key: 'spec', format: (spec) => packed(JSON.stringify(minimal(spec))), parse: parseSpec },
  seed: number('seed', ranges.seed),
  batchSize: number('batch', ranges.batchSize),
  optimizer: choice('optimizer', optimizerNames),
  learningRate: number('rate', ranges.learningRate),
  beta: number('beta', ranges.beta),
  isSlow: flag('slow'),
  isPretrained: flag('pretrained'),
  z: { key: 'z', format: (z) => z.map(shortest).join(), parse: (text) => numbers(text, ranges.latent) },
  axes: { key: 'axes', format: (axes) => axes.join(), parse: parseAxes },
};
const names = Object.keys(fields) as (keyof Settings)[];

/** What stands behind # for these settings: nothing for the defaults. */
export function formatLink(settings: Settings): string {
  const isAtOrigin = settings.z.every((value) => value === 0) && settings.axes.join() === '0,1';
  return names
    .filter((name) => name !== 'z' || !isAtOrigin)
    .flatMap((name) => pair(name, settings))
    .join('&');
}

function pair(name: keyof Settings, settings: Settings): string[] {
  const { key } = fields[name];
  const text = textOf(name, settings[name]);
  if (text === textOf(name, defaults[name])) return [];
  return [`${key}=${encodeURIComponent(text).replaceAll('%2C', ',').replaceAll('%3A', ':')}`];
}

function textOf<Name extends keyof Settings>(name: Name, value: Settings[Name]): string {
  return fields[name].format(value);
}

/**
 * The settings that an address states, what it leaves out by default; `undefined` for the name of a part of the page.
 * @throws LinkError saying what came, what was expected, and what the page does
 */
export function parseLink(hash: string): Settings | undefined {
  const text = hash.replace(/^#/, '');
  if (text === '') return defaults;
  if (!text.includes('=')) return undefined;
  if (text.length > MOST_LINK_CHARACTERS)
    throw refusal(`has ${text.length} characters`, `expected at most ${MOST_LINK_CHARACTERS}`);
  const settings: Settings = { ...defaults, ...Object.fromEntries(entries(text.split('&'))) };
  if (Math.max(...settings.axes) >= Math.max(settings.z.length, defaults.z.length))
    throw refusal(
      `says axes=${settings.axes.join()}`,
      `expected two of the ${settings.z.length} latents of z`,
    );
  return settings;
}

function entries(parts: readonly string[]): [name: string, value: unknown][] {
  const seen = new Set<string>();
  return parts.map((part) => {
    const [key = '', ...rest] = part.split('=');
    const name = names.find((known) => fields[known].key === key);
    if (!name || seen.has(key))
      throw refusal(
        `says ${shown(part)}`,
        `expected each of ${names.map((known) => fields[known].key).join(', ')} once at most`,
      );
    seen.add(key);
    return [name, parsed(name, part, rest.join('='))];
  });
}

function parsed(name: keyof Settings, part: string, text: string): unknown {
  try {
    return fields[name].parse(decodeURIComponent(text));
  } catch (error) {
    throw refusal(`says ${shown(part)}`, error instanceof Error ? error.message : String(error));
  }
}

function refusal(came: string, expected: string): LinkError {
  return new LinkError(`The address ${came}; ${expected}. The page opens as it does without it.`);
}

/** What came, cut to what a note has room for. */
function shown(part: string): string {
  return part.length > 80 ? `${part.slice(0, 80)} …` : part;
}

function choice<T extends string>(key: string, values: readonly T[]): Field<T> {
  const parse = (text: string): T => {
    const value = values.find((known) => known === text);
    if (value === undefined) throw new Error(`expected one of ${values.join(', ')}`);
    return value;
  };
  return { key, format: (value) => value, parse };
}

function flag(key: string): Field<boolean> {
  const { parse } = choice(key, ['0', '1']);
  return { key, format: (value) => (value ? '1' : '0'), parse: (text) => parse(text) === '1' };
}

function number(key: string, range: Range): Field<number> {
  return { key, format: String, parse: (text) => numberOf(text, range) };
}

function numberOf(text: string, range: Range): number {
  const value = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  const problem = outside(value, range);
  if (problem) throw new Error(problem);
  return value;
}

function numbers(text: string, range: Range): number[] {
  const parts = text.split(',');
  if (parts.length > MOST_LATENTS) throw new Error(`expected at most ${MOST_LATENTS} numbers`);
  return parts.map((part) => numberOf(part, range));
}

function parseAxes(text: string): [number, number] {
  const [across, up, ...more] = numbers(text, ranges.axis);
  if (across === undefined || up === undefined || more.length > 0)
    throw new Error('expected two numbers of latents');
  return [across, up];
}

/** The fewest digits that are the same 32-bit number, which is all that the GPU sees. */
function shortest(value: number): string {
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((count) => isSame32(+value.toPrecision(count), value));
  return String(digits === undefined ? value : +value.toPrecision(digits));
}

function isSame32(a: number, b: number): boolean {
  return Math.fround(a) === Math.fround(b);
}

/** The specification without the parts that say what is meant without them. */
export function minimal(spec: VaeSpec): VaeSpec {
  const { input, latent, encoder, decoder, ...parts } = spec;
  const layers = { input, latent, encoder, decoder };
  const [plain, complete] = [completeSpec(layers), completeSpec(spec)];
  const isNeeded = (name: keyof typeof parts): boolean =>
    JSON.stringify(plain[name]) !== JSON.stringify(complete[name]);
  const needed = (Object.keys(parts) as (keyof typeof parts)[]).filter(isNeeded).toSorted();
  return { ...layers, ...Object.fromEntries(needed.map((name) => [name, parts[name]])) };
}

function parseSpec(packedText: string): VaeSpec {
  const text = unpacked(packedText);
  if (text.length > MOST_CHARACTERS)
    throw new Error(`expected a specification of at most ${MOST_CHARACTERS} characters`);
  const value: unknown = JSON.parse(text);
  if (!isShallow(value)) throw new Error('expected lists within lists only a few times');
  completeSpec(value);
  return value as VaeSpec;
}

function packed(text: string): string {
  if (text.length <= READABLE_CHARACTERS) return text;
  const bytes = deflateSync(strToU8(text), { level: 9 });
  const base64 = btoa(String.fromCharCode(...bytes));
  return COMPRESSED + base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function unpacked(text: string): string {
  if (!text.startsWith(COMPRESSED)) return text;
  const base64 = text.slice(COMPRESSED.length).replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return strFromU8(inflateSync(bytes));
}
