/**
 * Plan: the commands export, import and info, none of which opens a GPU (--adapter is not theirs).
 * | axis   | control                       | cases                                                             |
 * | export | torch: four files, our bytes  | onnx: a model repository, two graphs of three; into a taken path  |
 * | import | a map of names                | a map that is no map, tensors that do not fit, no such file       |
 * | info   | spec, tensors, sha256         | --json; a file that is no model of ours                           |
 * | help   | an example each               | --to missing, --graphs beside torch, a norm that is not PyTorch's |
 * | docs   | docs/export.md's own examples | JavaScript, Python in what it wrote, specification and map        |
 */
import { expect, test } from '@playwright/test';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { writeModelFile } from '../../src/vae/checkpoint/model-file.js';
import { Model } from '../../src/vae/model.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import { small } from '../export-models.js';
import { projectRoot, pageExamples, runCli, runProcess, testFolder } from './command-line.js';
import { findTorch } from './torch.js';

/** A model with fresh weights in `folder`; no GPU is needed to make one. */
async function modelIn(folder: string, spec: VaeSpec = small()): Promise<Uint8Array> {
  const model = new Model(completeSpec(spec));
  const { weights } = model;
  const values = { weights: weights.initialValues(3), state: weights.initialState(3) };
  const bytes = await writeModelFile(model, values);
  writeFileSync(join(folder, 'model.safetensors'), bytes);
  return bytes;
}

test('export --to torch', async () => {
  const folder = testFolder();
  const bytes = await modelIn(folder);
  const { code, stdout, stderr } = await runCli(['export', '.', '--to', 'torch', '--out', 'there'], folder);
  expect(code, stderr).toBe(0);
  const names = ['model.safetensors', 'model.py', 'train_ddp.py', 'README.txt'];
  expect(stdout.trim().split('\n')).toEqual(names.map((name) => join('there', name)));
  expect(readdirSync(join(folder, 'there')).toSorted()).toEqual(names.toSorted());
  expect(readFileSync(join(folder, 'there/model.safetensors'))).toEqual(Buffer.from(bytes));
});

test('export --to onnx, and two graphs of three', async () => {
  const folder = testFolder();
  await modelIn(folder);
  const whole = await runCli(['export', 'model.safetensors', '--to', 'onnx'], folder);
  expect(whole.code, whole.stderr).toBe(0);
  expect(readdirSync(join(folder, 'exported'), { recursive: true, encoding: 'utf8' }).toSorted()).toEqual(
    [
      'README.txt',
      'models',
      ...['decoder', 'encoder', 'sampler'].flatMap((name) =>
        ['', '/1', '/1/model.onnx', '/config.pbtxt'].map((rest) => `models/${name}${rest}`),
      ),
      'ray_batch.py',
    ].toSorted(),
  );
  const words = ['export', '.', '--to', 'onnx', '--graphs', 'encoder,decoder', '--out', 'two'];
  expect((await runCli(words, folder)).code).toBe(0);
  expect(readdirSync(join(folder, 'two/models')).toSorted()).toEqual(['decoder', 'encoder']);
});

test('what export refuses', async () => {
  const folder = testFolder();
  const mixed = [{ type: 'flatten' }, { type: 'groupNorm', groups: 2 }] as const;
  await modelIn(folder);
  mkdirSync(join(folder, 'odd'));
  await modelIn(join(folder, 'odd'), small({ encoder: mixed }));
  writeFileSync(join(folder, 'taken'), '');
  const cases: [words: string[], code: number, message: RegExp][] = [
    [['.'], 2, /required option '--to <name>'/],
    [['.', '--to', 'tf'], 1, /\[--to\] is 'tf'; expected torch or onnx/],
    [['.', '--to', 'torch', '--graphs', 'encoder'], 1, /\[--graphs\] came with --to torch/],
    [['odd', '--to', 'torch'], 1, /\[spec\.encoder\[1\]\] is a groupNorm of 2 groups over a flattened image/],
    [['.', '--to', 'onnx', '--graphs', 'prior'], 1, /\[graphs\] is \[prior\]/],
    [['.', '--to', 'onnx', '--graphs', 'encoder,decoder', '--out', 'taken'], 1, /\[taken.*cannot be written/],
    [['nowhere', '--to', 'torch'], 1, /\[nowhere\] cannot be read/],
  ];
  for (const [words, expected, message] of cases) {
    const { code, stderr } = await runCli(['export', ...words], folder);
    expect(stderr, words.join(' ')).toMatch(message);
    expect(code, words.join(' ')).toBe(expected);
  }
});

test('import with a map', async () => {
  const folder = testFolder();
  const bytes = await modelIn(folder);
  const { tensors } = await readSafetensors(bytes);
  const theirs = new Map(
    [...tensors].map(([name, { shape, values }]) => [
      name.replace('encoder.0', 'fc1').replace('mean', 'mu'),
      { shape, values: values as Float32Array },
    ]),
  );
  writeFileSync(join(folder, 'weights.safetensors'), await writeSafetensors(theirs, {}));
  writeFileSync(join(folder, 'spec.json'), JSON.stringify(small()));
  writeFileSync(join(folder, 'map.json'), JSON.stringify({ names: { fc1: 'encoder.0', mu: 'mean' } }));
  const words = ['import', 'weights.safetensors', '--spec', 'spec.json'];
  const mapped = await runCli([...words, '--map', 'map.json', '--out', 'new/model.safetensors'], folder);
  expect(mapped.code, mapped.stderr).toBe(0);
  expect(readFileSync(join(folder, 'new/model.safetensors'))).toEqual(Buffer.from(bytes));

  const unmapped = await runCli(words, folder);
  expect(unmapped.stderr).toMatch(
    /\[weights\.safetensors\] the file does not fit.*missing: encoder\.0\.weight/,
  );
  expect(unmapped.code).toBe(1);
  for (const [map, message] of [
    ['{', /\[map\.json\] is not JSON/],
    ['{"name": {}}', /\[map\.json\] has the unknown field 'name'/],
    ['{"names": {"fc1": 1}}', /\[map\.json\.names\.fc1\] is 1; expected a name of ours/],
    ['{"absentBias": true}', /\[map\.json\.absentBias\] is true; expected "zero"/],
    ['{"transposed": {"decoder.0": {"stride": 2}}}', /unknown field 'stride'/],
  ] as const) {
    writeFileSync(join(folder, 'map.json'), map);
    expect((await runCli([...words, '--map', 'map.json'], folder)).stderr).toMatch(message);
  }
});

test('info, as text and as JSON', async () => {
  const folder = testFolder();
  const bytes = await modelIn(folder);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const text = await runCli(['info', '.'], folder);
  expect(text.code, text.stderr).toBe(0);
  expect(text.stdout).toContain(`sha256 ${sha256}`);
  expect(text.stdout).toContain('60-12-4-12-60, bernoulli');
  expect(text.stdout).toMatch(/^encoder\.0\.weight +f32\[12, 60\] +720$/m);
  const json = JSON.parse((await runCli(['info', '.', '--json'], folder)).stdout) as Record<string, unknown>;
  expect(json).toMatchObject({ byteLength: bytes.length, sha256, elementCount: 1676 });
  expect(json['spec']).toEqual(JSON.parse(JSON.stringify(completeSpec(small()))));

  writeFileSync(
    join(folder, 'other.safetensors'),
    await writeSafetensors(new Map([['fc1.bias', { shape: [2], values: Float32Array.of(1, 2) }]]), {}),
  );
  const other = await runCli(['info', 'other.safetensors'], folder);
  expect(other.stdout).toMatch(/no model of webgpu-vae.*\nfc1\.bias +f32\[2\] +2\n/);
});

test('help has an example of each', async () => {
  for (const name of ['export', 'import', 'info']) {
    const { code, stdout } = await runCli([name, '--help'], testFolder());
    expect(code).toBe(0);
    expect(stdout).toContain(`Example:\n  webgpu-vae ${name} `);
  }
});

const page = 'docs/export.md';

test("the page's program exports, and its Python loads what was written", async () => {
  const [program] = pageExamples(page, 'js');
  const words = ['--input-type=module', '--eval', `${program!}process.exit();`];
  const made = await runProcess(process.execPath, words, projectRoot);
  expect(made.code, made.stderr).toBe(0);
  const folder = made.stdout.trim();
  expect(readdirSync(folder)).toContain('models');
  const python = findTorch();
  test.skip(python === undefined, 'no python3 here imports torch');
  const lines = pageExamples(page, 'python').join('');
  const { code, stdout, stderr } = await runProcess(python!, ['-B', '-c', lines], folder);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^tensor\(-\d+\.\d+.*torch\.Size\(\[4, 1, 28, 28\]\)\n$/s);
  rmSync(folder, { recursive: true });
});

test("the page's specification and map take the weights of the model that it shows", async () => {
  const folder = testFolder();
  const [spec, map] = pageExamples(page, 'json');
  const shapes: Readonly<Record<string, readonly number[]>> = {
    'conv.weight': [8, 1, 4, 4],
    'norm.weight': [8],
    'norm.bias': [8],
    'norm.running_mean': [8],
    'norm.running_var': [8],
    'fc.weight': [12, 1568],
    'fc.bias': [12],
    'start.weight': [1568, 6],
    'start.bias': [1568],
    'up.weight': [8, 1, 4, 4],
    'up.bias': [1],
  };
  const tensors = Object.entries(shapes).map(
    ([name, shape]) => [name, { shape, values: new Float32Array(shape.reduce((a, b) => a * b)) }] as const,
  );
  writeFileSync(join(folder, 'weights.safetensors'), await writeSafetensors(new Map(tensors), {}));
  writeFileSync(join(folder, 'spec.json'), spec!);
  writeFileSync(join(folder, 'map.json'), map!);
  const words = ['import', 'weights.safetensors', '--spec', 'spec.json', '--map', 'map.json'];
  const { code, stderr } = await runCli(words, folder);
  expect(code, stderr).toBe(0);
});
