/**
 * Plan: the demo page's address, without a page.
 * - what is written is read back: every field, alone and together; a point to the bit that the GPU sees;
 * - the defaults need no address, a part of the page is not one, and long specifications are compressed;
 * - every bad field is refused with a word on what was expected: wrong words and numbers, unknown and repeated keys,
 *   specifications that are broken, too long, too deep, or that swell when they are expanded;
 * - several hundred damaged addresses give settings that are right, or are refused; nothing else is thrown.
 */
import { expect, test } from '@playwright/test';
import { deflateSync, strToU8 } from 'fflate';
import { formatLink, LinkError, minimal, parseLink } from '../../demo/src/link.js';
import { outside, ranges } from '../../demo/src/ranges.js';
import { defaults, type Settings } from '../../demo/src/state.js';
import { convResidualSpec } from '../../src/vae/presets.js';
import { completeSpec } from '../../src/vae/spec.js';
import { mutated } from '../mutate.js';

const others: Settings = {
  source: 'shapes',
  spec: convResidualSpec({
    input: [28, 28, 1],
    latent: 5,
    likelihood: { type: 'laplace', scale: 'learned' },
  }),
  seed: 4_294_967_295,
  batchSize: 32,
  optimizer: 'sgd',
  learningRate: 0.02,
  beta: 4.5,
  isSlow: true,
  isPretrained: false,
  z: [0.1, -1.25, 0, Math.PI, 1e-7],
  axes: [4, 1],
};

/** A point as the GPU gets it. */
const on32 = (settings: Settings): Settings => ({ ...settings, z: settings.z.map(Math.fround) });
const packed = (text: string): string => Buffer.from(deflateSync(strToU8(text))).toString('base64url');

for (const [name, value] of Object.entries(others))
  test(`${name} comes back alone`, () => {
    const isOfPoint = name === 'z' || name === 'axes';
    const settings = { ...defaults, ...(isOfPoint ? { z: others.z, axes: others.axes } : { [name]: value }) };
    const link = formatLink(settings);
    expect(link.length).toBeGreaterThan(3);
    expect(on32(parseLink(`#${link}`)!)).toEqual(on32(settings));
  });

test('all fields come back together, from an address that needs no escapes', () => {
  const link = formatLink(others);
  expect(link).toMatch(/^[\w=&,.~-]+$/);
  expect(link.length).toBeLessThan(700);
  expect(on32(parseLink(link)!)).toEqual(on32(others));
});

test('a small specification stays readable', () => {
  const spec = { ...defaults.spec, latent: 3 };
  const link = decodeURIComponent(formatLink({ ...defaults, spec }));
  expect(link).toContain('spec={"input":[28,28,1],"latent":3,');
  expect(parseLink(formatLink({ ...defaults, spec }))!.spec).toEqual(spec);
});

test('defaults need no address, however they are written', () => {
  expect(formatLink(defaults)).toBe('');
  const spec = { ...defaults.spec, posterior: 'diagonal', objective: { type: 'elbo' } } as const;
  expect(formatLink({ ...defaults, spec, z: [0, 0, 0] })).toBe('');
  expect(minimal(spec)).toEqual(defaults.spec);
  expect(parseLink('')).toEqual(defaults);
  expect(parseLink('#')).toEqual(defaults);
});

test('the name of a part of the page is no address of settings', () => {
  expect(parseLink('#latent-space')).toBeUndefined();
});

test('points keep the bits that the GPU sees, in few digits', () => {
  for (let i = 0; i < 200; i++) {
    const z = [Math.sin(i) * 3, Math.cos(i * i) / 1000];
    const link = formatLink({ ...defaults, z });
    expect(link.length).toBeLessThan(36);
    expect(parseLink(link)!.z.map(Math.fround)).toEqual(z.map(Math.fround));
  }
});

const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
const layers = (encoder: string): string => `{"input":[4],"latent":1,"encoder":${encoder},"decoder":[]}`;
const refusals: Record<string, [hash: string, expected: RegExp]> = {
  'a word that is none of the list': ['data=mars', /expected one of fashion, shapes, own/],
  'a flag of another word': ['slow=yes', /expected one of 0, 1/],
  'a number that is none': ['seed=0x10', /expected a whole number from 0 to 4294967295/],
  'an empty number': ['beta=', /expected a number from 0 to 1000/],
  'a fraction of a batch': ['batch=1.5', /expected a whole number from 1 to 1024/],
  'a number past its range': ['rate=1e3', /expected a number from 0.000001 to 1/],
  infinity: ['beta=1e999', /expected a number from 0 to 1000/],
  'an unknown key': ['colour=red', /says colour=red; expected each of data, spec, .* once at most/],
  'a key of every object': ['__proto__=1', /expected each of/],
  'a key twice': ['seed=1&seed=2', /once at most/],
  'an escape that is none': ['data=%E0%A4%A', /malformed/i],
  'a point with a hole': ['z=1,,2', /expected a number from -100 to 100/],
  'a point with too many numbers': [`z=${'0,'.repeat(4096)}0`, /at most 4096 numbers/],
  'one axis': ['axes=1', /two numbers of latents/],
  'axes past the point': ['z=1,2,3&axes=0,3', /two of the 3 latents/],
  'too many characters': [`z=${'0,'.repeat(9000)}0`, /at most 16384/],
  'no JSON': ['spec={', /JSON/],
  'a wrong field of the specification': [
    `spec=${encodeURIComponent(layers('[{"type":"dense","units":0}]'))}`,
    /spec\.encoder\[0\]\.units\] is 0; expected an integer/,
  ],
  'a field of every object': [`spec=${encodeURIComponent('{"__proto__":{}}')}`, /unknown field '__proto__'/],
  'lists within lists': [`spec=~${packed(layers(deep))}`, /within lists only a few times/],
  'a specification that swells': [`spec=~${packed(' '.repeat(5_000_000))}`, /at most 20000 characters/],
  'what is not compressed': ['spec=~AAAA', /./],
  'what is not base64': ['spec=~***', /./],
};
for (const [name, [hash, expected]] of Object.entries(refusals))
  test(`refused: ${name}`, () => {
    expect(() => parseLink(hash)).toThrow(LinkError);
    expect(() => parseLink(hash)).toThrow(expected);
  });

/** What the rest of the page relies on. */
function expectRight(settings: Settings): void {
  const { seed, batchSize, learningRate, beta, z, axes, spec } = settings;
  for (const [name, value] of Object.entries({ seed, batchSize, learningRate, beta }))
    expect(outside(value, ranges[name as 'seed'])).toBeUndefined();
  expect(z.every((value) => outside(value, ranges.latent) === undefined)).toBe(true);
  expect(Math.max(...axes)).toBeLessThan(Math.max(2, z.length));
  expect(() => completeSpec(spec)).not.toThrow();
  expect(typeof formatLink(settings)).toBe('string');
}

test('six hundred damaged addresses: right settings or a refusal', () => {
  const small = { ...others, spec: { ...defaults.spec, latent: 5 } };
  const numbers = { ...others, spec: defaults.spec };
  const originals = [others, small, numbers].map((settings) => Buffer.from(formatLink(settings)));
  const counts = { read: 0, refused: 0 };
  for (const original of originals)
    for (let index = 0; index < 200; index++) {
      const hash = Buffer.from(mutated(original, 7, index)).toString('latin1');
      try {
        const settings = parseLink(hash);
        if (settings) expectRight(settings);
        counts.read++;
      } catch (error) {
        expect(error, hash).toBeInstanceOf(LinkError);
        counts.refused++;
      }
    }
  // both happen, or the damage says nothing
  expect(counts.read).toBeGreaterThan(10);
  expect(counts.refused).toBeGreaterThan(200);
});
