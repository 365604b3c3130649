/**
 * Plan: a specification as the page's text. What is written is JSON of the same value with a layer a line; what is wrong is
 * found in its line: faults of the text, fields, layers within layers, fields that are missing or unknown, what is no field.
 */
import { expect, test } from '@playwright/test';
import { formatSpec, locate, readSpec } from '../../demo/src/spec-text.js';
import { presets } from '../../src/vae/presets.js';

for (const [name, preset] of Object.entries(presets))
  test(`${name}: written with a layer a line, and read back`, () => {
    const spec = preset({ input: [64, 64, 3] });
    const text = formatSpec(spec);
    expect(readSpec(text)).toEqual({ value: spec, spec });
    expect(text).toContain('\n  "input": [64, 64, 3],\n');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(90);
  });

const lines = [
  '{',
  '  "input": [28, 28, 1],',
  '  "latent": 2,',
  '  "encoder": [',
  '    {"type": "dense", "units": 256},',
  '    {"type": "residual", "layers": [',
  '      {"type": "dense", "units": 8}',
  '    ]}',
  '  ],',
  '  "decoder": []',
  '}',
];
const text = lines.join('\n');

const rows: Record<string, [from: string, to: string, line: number, message: RegExp]> = {
  'a comma too few': ['"latent": 2,', '"latent": 2', 4, /comma is missing/],
  'a comma too many': ['[]', '[],', 11, /name is missing|take away the comma/],
  'a quote too few': ['"latent"', '"latent', 3, /quote is missing/],
  'a word that is none': ['2,\n', 'two,\n', 3, /no word of JSON/],
  'a comment': ['"latent"', '/* two */ "latent"', 3, /no comments/],
  'a colon too few': ['"latent":', '"latent"', 3, /colon is missing/],
  'a brace too few': ['[]\n}', '[]\n', 11, /closing brace/],
  'more behind the end': ['[]\n}', '[]\n}\n7', 12, /more after the end/],
  'a bad number in a layer': ['256', '0.5', 5, /^encoder\[0\]\.units is 0\.5; expected an integer/],
  'a bad number in a layer in a layer': ['8}', '-8}', 7, /^encoder\[1\]\.layers\[0\]\.units is -8/],
  'a field that is missing, at its object': [', "units": 256', '', 5, /units is undefined/],
  'a field that nobody knows': ['"units": 256', '"units": 1, "unit": 2', 5, /unknown field 'unit'/],
  'one of the whole': ['"decoder"', '"decoders"', 10, /unknown field 'decoders'/],
  'no object': [text, '[]', 1, /^The specification has|is \[\]; expected an object/],
  'brackets without end': [text, '['.repeat(10_000), 1, /too deep/],
  'too much': [text, ' '.repeat(30_000), 1, /30000 characters; expected at most 20000/],
};
for (const [name, [from, to, line, message]] of Object.entries(rows))
  test(`found in its line: ${name}`, () => {
    const { problem, spec } = readSpec(text.replace(from, to));
    expect(spec).toBeUndefined();
    expect(problem?.message).toMatch(message);
    expect(problem?.line).toBe(line);
  });

test('what layers make of each other is found by its message; what is no field is told as it came', () => {
  expect(locate(text, '[spec.decoder[3].kernel] is 9; expected less')).toEqual({
    line: 10,
    message: 'decoder[3].kernel is 9; expected less',
  });
  expect(locate(text, 'the worker is gone')).toEqual({ line: 1, message: 'the worker is gone' });
});
