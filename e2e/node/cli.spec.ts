/**
 * Plan: the built command line as a process of its own.
 * | axis     | control                       | cases                                                            |
 * | run      | 256 images, 1 epoch, latent 2 | every file, the report, the checkpoint again; profile; start     |
 * | ending   | last epoch                    | Ctrl-C once, twice, before the first step; a loss that is no number |
 * | commands | train                         | plan, tune, evaluate, sample, help                               |
 * | input    | good                          | files, options and specifications that are wrong: the exact line |
 */
import { expect, test } from '@playwright/test';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError } from '../../src/gpu/errors.js';
import type { HistoryEntry } from '../../src/node/cli/history.js';
import type { RunReport } from '../../src/node/cli/report.js';
import { readTuneTable } from '../../src/gpu/tuning.js';
import { loadImages } from '../../src/node/data.js';
import type { Dataset } from '../../src/vae/data/dataset.js';
import { denseSpec } from '../../src/vae/presets.js';
import type { Terms } from '../../src/vae/terms.js';
import { completeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import { nodeDevice } from '../node-device.js';
import { projectRoot, readmeExamples, runCli, runModule, testFolder, readReport } from './command-line.js';
import { idxFile } from '../idx-file.js';

const tiny = ['--limit', '256', '--epochs', '1', '--hidden', '16', '--batch', '32'];

function readHistory(folder: string): HistoryEntry[] {
  const lines = readFileSync(join(folder, 'history.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as HistoryEntry);
}

function pngSize(path: string): number[] {
  const bytes = readFileSync(path);
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

/** The terms of a checkpoint on the first rows of the bundled test part, in this process. */
async function evaluateFile(path: string, limit: number): Promise<Terms> {
  const vae = await Vae.load(readFileSync(path), { device: await nodeDevice() });
  const terms = await vae.evaluate(await loadImages('fashion', 'test', { limit }));
  vae.destroy();
  return terms;
}

const everyFile = [
  'curve.svg',
  'history.jsonl',
  'manifold.png',
  'model.safetensors',
  'reconstructions.png',
  'report.json',
  'samples.png',
  'training.safetensors',
];

test('train writes every file, and a report that its last line repeats', async () => {
  const folder = testFolder();
  const { code, stdout, stderr } = await runCli(['train', ...tiny, '--latent', '2', '--json'], folder);
  expect(code, stderr).toBe(0);
  const out = join(folder, 'out');
  expect(readdirSync(out).toSorted()).toEqual(everyFile);
  // 28 pixels twice as large and gaps of 2: 10 x 4, 8 x 8; the manifold is 20 x 20 as it is, without gaps.
  expect(pngSize(join(out, 'reconstructions.png'))).toEqual([582, 234]);
  expect(pngSize(join(out, 'samples.png'))).toEqual([466, 466]);
  expect(pngSize(join(out, 'manifold.png'))).toEqual([560, 560]);
  expect(readFileSync(join(out, 'curve.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);

  const report = readReport(out);
  expect(stdout.endsWith('}\n')).toBe(true);
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toEqual(report);
  const device = await nodeDevice();
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  expect(report).toMatchObject({
    version: manifest.version,
    adapter: device.description,
    data: { name: 'fashion', rows: 256, testRows: 256, shape: [28, 28, 1] },
    model: {
      input: [28, 28, 1],
      latent: 2,
      posterior: { type: 'diagonal' },
      prior: { type: 'standard-normal' },
      likelihood: { type: 'bernoulli' },
      objective: { type: 'elbo' },
    },
    // 784 x 16 + 16, 16 x 4 + 4, 2 x 16 + 16, 16 x 784 + 784
    parameterCount: 12_560 + 68 + 48 + 13_328,
    seed: 0,
    epochs: 1,
    steps: 8,
    stopped: false,
    submitsPerStep: 1,
    options: { batch: 32, epochs: 1, learningRate: 1e-3, optimizer: 'adam', binarize: false, limit: 256 },
  });
  const { stepTimeMs, train, test: held } = report;
  for (const figure of [
    report.compileTimeMs,
    report.seconds,
    report.imagesPerSecond,
    report.dispatchesPerStep,
    report.gpuByteLength,
    stepTimeMs!.min,
  ])
    expect(figure).toBeGreaterThan(0);
  expect(stepTimeMs!.min).toBeLessThanOrEqual(stepTimeMs!.median);
  expect(stepTimeMs!.median).toBeLessThanOrEqual(stepTimeMs!.max);
  for (const terms of [train!, held!]) {
    expect(terms.elbo).toBeCloseTo(terms.reconstruction - terms.kl, 3);
    expect(terms.elbo).toBeGreaterThan(-560); // fresh weights give about -545
    expect(terms.elbo).toBeLessThan(-400);
  }
  const history = readHistory(out);
  expect(history.at(-1)).toEqual({ step: 8, epoch: 1, train, test: held });
  for (const { step, epoch } of history.slice(0, -1)) expect([step <= 8, epoch]).toEqual([true, 1]);
  expect(history.length).toBeGreaterThan(1);

  expect(await evaluateFile(join(out, 'model.safetensors'), 256)).toEqual(held);
  const again = await runCli(['evaluate', 'out', '--limit', '256', '--json'], folder);
  expect(JSON.parse(again.stdout)).toEqual(held);
  expect(stderr).toContain(`webgpu-vae ${manifest.version} on ${device.description}\n`);
  expect(stderr).toContain(
    'model 784-16-2-16-784, bernoulli, 26,004 parameters; data fashion, 256 training and 256 test images of 28x28x1\n',
  );
  expect(stderr).toContain('pictures in out: curve.svg, reconstructions.png, samples.png, manifold.png\n');
});

test('every option reaches the library: the same bytes as a training in this process', async () => {
  const folder = testFolder();
  const model = [
    '--likelihood',
    'gaussian',
    '--scale',
    'learned',
    '--posterior',
    'full',
    '--prior',
    'mixture',
    '--objective',
    'l2',
    '--activation',
    'tanh',
  ];
  const bound = ['--estimator', 'A', '--samples', '2', '--beta', '0.5', '--binarize', '--seed', '7'];
  const update = ['--optimizer', 'adamw', '--learning-rate', '0.002', '--max-norm', '1'];
  const words = ['train', ...tiny, '--limit', '64', '--latent', '3', ...model, ...bound, ...update];
  const { code, stderr } = await runCli(words, folder);
  expect(code, stderr).toBe(0);

  const images = await loadImages('fashion', 'train', { limit: 64 });
  const spec = denseSpec({
    input: images.shape,
    hidden: 16,
    latent: 3,
    activation: 'tanh',
    posterior: 'full',
    prior: 'mixture',
    likelihood: { type: 'gaussian', scale: 'learned' },
  });
  const vae = await Vae.create({ ...spec, objective: 'l2' }, { device: await nodeDevice(), seed: 7 });
  await vae.train(images, {
    epochs: 1,
    batchSize: 32,
    learningRate: 0.002,
    optimizer: { type: 'adamw', maxNorm: 1 },
    estimator: 'A',
    samples: 2,
    beta: 0.5,
    binarize: true,
    seed: 7,
  });
  const expected = await vae.save();
  vae.destroy();
  expect(Buffer.compare(readFileSync(join(folder, 'out/model.safetensors')), expected)).toBe(0);
});

test('sample writes a picture and leaves the rest of its folder alone', async () => {
  const folder = testFolder();
  const device = await nodeDevice();
  const vae = await Vae.create(denseSpec({ input: [28, 28, 1], hidden: 8, latent: 3 }), { device });
  writeFileSync(join(folder, 'model.safetensors'), await vae.save());
  vae.destroy();
  const { code, stdout, stderr } = await runCli(['sample', '.', '--count', '9', '--out', '.'], folder);
  expect(code, stderr).toBe(0);
  expect(stdout).toBe('samples.png\n');
  expect(pngSize(join(folder, 'samples.png'))).toEqual([176, 176]);
  expect(readdirSync(folder).toSorted()).toEqual(['model.safetensors', 'samples.png']);
});

test('plan prints every dispatch with shapes, cost and place, and the memory', async () => {
  const { code, stdout, stderr } = await runCli(['plan', '--limit', '256'], testFolder());
  expect(code, stderr).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[3]).toMatch(/^ +# +op +kernel +variant +shapes +workgroups +FLOP +read +written +writes to$/);
  const rows = lines.filter((line) => /^ *\d+ {2}\S/.test(line));
  const count = Number(/^(\d+) dispatches: /m.exec(stdout)![1]);
  expect(rows).toHaveLength(count);
  expect(rows[0]).toMatch(/gather +gather +- +dataset -> \[128, 784\] .* slot 0$/);
  // One product of 128 x 784 x 400 multiply-adds.
  expect(stdout).toMatch(
    /encoder\.0\/matmul\S* +matmul\S+ +\w+ \d+x\d+ +\[128, 784\] \[784, 400\] .* 80\.3 M /,
  );
  expect(rows.at(-1)).toMatch(/update adam .*weights/);
  expect(stdout).toMatch(/slot \d+ again/);
  // 784 x 400 + 400, 400 x 40 + 40, 20 x 400 + 400, 400 x 784 + 784 weights; tensors begin at multiples of 64 of them.
  expect(stdout).toMatch(/^GPU memory +plan +without reuse$/m);
  expect(stdout).toMatch(/^weights +2\.61 MB +2\.61 MB$/m);
  expect(stdout).toMatch(/^gradients +2\.61 MB +2\.61 MB$/m);
  expect(stdout).toMatch(/^moments +5\.22 MB +5\.22 MB$/m);
  const [, tensors, slots] = /^activations: (\d+) tensors in (\d+) slots +\S+ \S+ +\S+ \S+$/m.exec(stdout)!;
  expect(Number(slots)).toBeLessThan(Number(tensors));
  const [, peak, alone] = /^peak: (\d+) of (\d+) bytes, \d+\.\d %$/m.exec(stdout)!;
  expect(Number(peak)).toBeLessThan(Number(alone));
  expect(stdout).toMatch(/^with the training images \(201 kB\), .* \d+\.\d MB, all of it allocated/m);
  expect(stdout).toMatch(/encoder\.0\/matmul\S* +matmul\S+ +\w+ \S+ +\[128, 784\] \[784, 400\] .* 80\.3 M /);
  expect(rows.at(-1)).toMatch(/update adam .*weights/);
  expect(stdout).toMatch(/slot \d+ again/);
});

test('--profile adds the time of every dispatch', async () => {
  const folder = testFolder();
  const { code, stderr } = await runCli(['train', ...tiny, '--profile'], folder);
  const report = readReport(join(folder, 'out'));
  expect(code, stderr).toBe(0);
  expect(report.profile).toHaveLength(report.dispatchesPerStep!);
  expect(report.profile!.reduce((sum, { timeMs }) => sum + timeMs, 0)).toBeGreaterThan(0);
  expect(stderr).toMatch(/^dispatch +kernel +variant +ms +share +rate +of roof +bound by$/m);
  expect(stderr).toMatch(/matmul\S+ +\w+ \d+x\d+(, .*)? +\d+\.\d{3} +\d+\.\d % .* % +(arithmetic|memory)$/m);
  expect(stderr).toMatch(
    /ms in \d+ dispatches, .* % of the roof: .*FLOP\/s of multiply-adds, .*B\/s of memory$/m,
  );
  // A multiply-add a nanosecond and core at least, and at most what the largest GPU does.
  expect(report.roof!.flopPerSecond).toBeGreaterThan(1e8);
  expect(report.roof!.flopPerSecond).toBeLessThan(1e15);
  expect(report.roof!.bytePerSecond).toBeGreaterThan(1e7);
  for (const { flops, bytes, roof } of report.profile!) {
    const [arithmeticMs, memoryMs] = [
      (1000 * flops) / report.roof!.flopPerSecond,
      (1000 * bytes) / report.roof!.bytePerSecond,
    ];
    expect(roof.timeMs).toBeCloseTo(Math.max(arithmeticMs, memoryMs), 9);
    expect(roof.bound).toBe(arithmeticMs >= memoryMs ? 'arithmetic' : 'memory');
  }
  // The profiled steps train on; the checkpoint was written before them.
  expect(await evaluateFile(join(folder, 'out/model.safetensors'), 256)).toEqual(report.test);
});

test('tune writes a table that plan and train take', async () => {
  const folder = testFolder();
  const small = ['--limit', '256', '--model', 'dense', '--hidden', '16', '--latent', '2', '--batch', '32'];
  const tuned = await runCli(
    ['tune', ...small, '--rounds', '1', '--bound', '50', '--out', 'own.json'],
    folder,
  );
  expect(tuned.code, tuned.stderr).toBe(0);
  expect(tuned.stdout).toMatch(/^product +variant +ms +rate$/m);
  expect(tuned.stdout).toMatch(/^matmul 32 x 16 x 784, 2 a step .* rule(, best)?$/m);
  expect(tuned.stdout).toMatch(/^products of a step: \d+\.\d{3} ms; by the rule \d+\.\d{3} ms$/m);
  const table = readTuneTable(JSON.parse(readFileSync(join(folder, 'own.json'), 'utf8')));
  expect(tuned.stderr).toContain(
    `in own.json: ${table.entries.length} products; use it with --tuning own.json`,
  );

  // Another kernel than the rule's for the first product, so that it shows whether the table is used.
  const first = table.entries.find(
    ({ rows, columns, inner }) => rows === 32 && columns === 16 && inner === 784,
  )!;
  const others = table.entries.filter((entry) => entry !== first);
  const changed = { ...first, kernel: 'registers', quads: [1, 1], workgroup: [4, 2], splits: 3 };
  writeFileSync(join(folder, 'own.json'), JSON.stringify({ ...table, entries: [...others, changed] }));
  const planned = await runCli(['plan', ...small, '--tuning', 'own.json'], folder);
  expect(planned.code, planned.stderr).toBe(0);
  expect(planned.stdout).toMatch(/encoder\.0\/matmul\S* +matmul_registers +registers 8x16, 3 pieces/);
  const trained = await runCli(
    ['train', ...small, '--epochs', '1', '--tuning', 'own.json', '--json'],
    folder,
  );
  expect(trained.code, trained.stderr).toBe(0);
  const report = JSON.parse(trained.stdout.trimEnd().split('\n').at(-1)!) as RunReport;
  const counted = Number(/^(\d+) dispatches: /m.exec(planned.stdout)![1]);
  expect(report.dispatchesPerStep).toBe(counted);

  writeFileSync(join(folder, 'own.json'), JSON.stringify({ ...table, adapter: 'acme rocket' }));
  const ignored = await runCli(['plan', ...small, '--tuning', 'own.json'], folder);
  expect(ignored.code, ignored.stderr).toBe(0);
  expect(ignored.stderr).toMatch(
    /^--tuning is not used: the tuning table was measured on 'acme rocket'; this device is '.+'; run npm run tune on it$/m,
  );
  expect(ignored.stdout).not.toMatch(/registers 8x16/);
});

test.describe('an early end', () => {
  const long = ['train', '--limit', '2000', '--epochs', '500', '--hidden', '16', '--batch', '32'];
  const trained = /^epoch 1\/500: train/m;

  test('Ctrl-C writes what there is and exits with 130', async () => {
    const folder = testFolder();
    const out = join(folder, 'out');
    mkdirSync(out);
    writeFileSync(join(out, 'manifold.png'), 'of an earlier run');
    writeFileSync(join(out, 'notes.txt'), "the user's own");
    const { code, stderr } = await runCli(long, folder, { kills: [{ when: trained, signal: 'SIGINT' }] });
    expect(code, stderr).toBe(130);
    const files = everyFile.filter((name) => name !== 'manifold.png');
    expect(readdirSync(out).toSorted()).toEqual([...files, 'notes.txt'].toSorted());
    const report = readReport(out);
    expect(report.stopped).toBe(true);
    expect(report.epochs).toBeGreaterThanOrEqual(1);
    expect(report.epochs).toBeLessThan(500);
    expect(report.steps).toBeGreaterThanOrEqual(63);
    expect(report.options.epochs).toBe(500);
    expect(readHistory(out).length).toBeGreaterThan(1);
    expect(await evaluateFile(join(out, 'model.safetensors'), 2000)).toEqual(report.test);
    expect(stderr).toContain('stopping after the step in flight, then writing what there is; press Ctrl-C');
    expect(stderr).toMatch(/^stopped after \d+ epochs?, \d+ steps in /m);
  });

  test('a second Ctrl-C exits at once, and the checkpoint of the epoch is whole', async () => {
    const folder = testFolder();
    const kills = [
      { when: trained, signal: 'SIGINT' },
      // Held still, so that it cannot finish before a user's second Ctrl-C would come.
      { when: /stopping after/, signal: 'SIGSTOP' },
      { when: /stopping after/, signal: 'SIGINT', afterMs: 400 },
      { when: /stopping after/, signal: 'SIGCONT', afterMs: 420 },
    ] as const;
    const { code, stderr } = await runCli(long, folder, { kills });
    // A shell calls that 130 too.
    expect(code, stderr).toBe(process.platform === 'win32' ? 130 : 'SIGINT');
    expect(existsSync(join(folder, 'out/report.json'))).toBe(false);
    const terms = await evaluateFile(join(folder, 'out/model.safetensors'), 2000);
    expect(terms.elbo).toBeGreaterThan(-560);
  });

  test('a copy of Ctrl-C, as npm sends one, is not a second one', async () => {
    const folder = testFolder();
    const kills = [
      { when: trained, signal: 'SIGINT' },
      { when: trained, signal: 'SIGINT', afterMs: 20 },
    ] as const;
    const { code, stderr } = await runCli(long, folder, { kills });
    expect(code, stderr).toBe(130);
    expect(readReport(join(folder, 'out')).stopped).toBe(true);
  });

  test('SIGTERM before the first step writes nothing', async () => {
    const folder = testFolder();
    const kills = [{ when: /parameters; data/, signal: 'SIGTERM' }] as const;
    const { code, stderr } = await runCli(long, folder, { kills });
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('stopped before the first step; nothing was written\n');
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
  });

  test('a loss that is no number writes what there is and says where it happened', async () => {
    const folder = testFolder();
    const explosive = ['--likelihood', 'gaussian', '--scale', '1e-4', '--optimizer', 'sgd'];
    const words = ['train', ...tiny, ...explosive, '--learning-rate', '900', '--json'];
    const { code, stdout, stderr } = await runCli(words, folder);
    expect(code, stderr).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^webgpu-vae: \[step \d+\] the (loss|update of) .*lower/,
    );
    const report = readReport(join(folder, 'out'));
    expect(report).toMatchObject({ stopped: true, epochs: 0, compileTimeMs: null });
    expect(report.error).toMatch(/^\[step \d+\]/);
    expect(JSON.parse(stdout)).toEqual(report);
    const file = readFileSync(join(folder, 'out/model.safetensors'));
    const vae = await Vae.load(file, { device: await nodeDevice() });
    expect((await vae.readWeights()).every(Number.isFinite)).toBe(true);
    vae.destroy();
  });
});

const sixImages = idxFile(0x803, [6, 28, 28], Buffer.alloc(6 * 784));
const someJson = '{"input": [10, 10, 1], "latent": 2, "encoder": [], "decoder": []}';
/** Nothing here reaches the GPU: `--limit` keeps the reading short. */
const few = ['--limit', '200'];

/** A file where one is needed, the words, and the whole of stderr. */
const badInput: Record<
  string,
  { file?: [name: string, content: Uint8Array | string]; words: string[]; line: string }
> = {
  'an IDX file cut short': {
    file: ['images', sixImages.subarray(0, -10)],
    words: ['train', '--data', 'images'],
    line: '[images] the file is cut short: its header promises 6 images of 28x28, 4720 bytes in all, and 4710 are there; download or copy it again',
  },
  'a wrong magic': {
    file: ['images', Buffer.concat([Buffer.from([0, 0, 0x0d, 3]), sixImages.subarray(4)])],
    words: ['train', '--data', 'images'],
    line: '[images] magic 0x00000d03 has type 0x0d; expected 0x00000803, images of unsigned bytes (type 0x08); convert the file',
  },
  'a web page instead of data': {
    file: ['images', '<!DOCTYPE html>'],
    words: ['train', '--data', 'images'],
    line: '[images] the file begins with 3c 21 44 4f; expected IDX (00 00 08) or gzip (1f 8b); check that the download is the data file and not a web page or an archive',
  },
  'a gzip bomb': {
    file: ['images.gz', gzipSync(Buffer.concat([sixImages.subarray(0, 16), Buffer.alloc(64 * 2 ** 20)]))],
    words: ['train', '--data', 'images.gz'],
    line: '[images.gz] inflating gives more than the 4720 bytes that the header promises; stopped there; use the original file, header and content do not belong together',
  },
  'labels passed as images': {
    file: ['labels', idxFile(0x801, [6], Buffer.alloc(6))],
    words: ['train', '--data', 'labels'],
    line: '[labels] magic 0x00000801 means that these are labels; expected 0x00000803, images; pass the images file',
  },
  'zero images': {
    file: ['images', idxFile(0x803, [0, 28, 28], Buffer.alloc(0))],
    words: ['train', '--data', 'images'],
    line: '[images] the file holds zero images; expected at least one; check which file was written',
  },
  'one image, which cannot be split': {
    file: ['images', idxFile(0x803, [1, 28, 28], Buffer.alloc(784))],
    words: ['train', '--data', 'images'],
    line: '[images] the file holds 1 image; expected at least 2, one to train on and one to test; pass a larger file',
  },
  'a batch larger than the data': {
    words: ['train', ...few, '--batch', '512'],
    line: '[--batch] is 512; there are 200 training images; use at most 200, or more data',
  },
  'latent 0': {
    words: ['train', '--latent', '0'],
    line: "[--latent] is '0'; expected a whole number of at least 1; give one, or leave the option out",
  },
  'a latent beyond all bounds': {
    words: ['train', ...few, '--latent', '5000'],
    line: '[spec.latent] is 5000; expected an integer from 1 to 4096',
  },
  'epochs 0': {
    words: ['train', '--epochs', '0'],
    line: "[--epochs] is '0'; expected a whole number of at least 1; give one, or leave the option out",
  },
  'a number that is none': {
    words: ['train', '--learning-rate', 'fast'],
    line: "[--learning-rate] is 'fast'; expected a number above 0 and below 1000; give one, or leave the option out",
  },
  'an empty number': {
    words: ['train', '--beta', ''],
    line: "[--beta] is ''; expected a number of at least 0 and below 1000000; give one, or leave the option out",
  },
  'an unknown likelihood': {
    words: ['train', '--likelihood', 'poisson'],
    line: "[--likelihood] is 'poisson'; expected bernoulli, gaussian or laplace; choose one of them",
  },
  'a scale for a likelihood without one': {
    words: ['train', ...few, '--scale', '2'],
    line: '[--scale] came with the bernoulli likelihood, which has none; remove it, or choose --likelihood gaussian or laplace',
  },
  'a scale of 0': {
    words: ['train', '--likelihood', 'gaussian', '--scale', '0'],
    line: "[--scale] is '0'; expected a number above 0, learned or per-pixel; give one of them",
  },
  'a specification of another shape': {
    file: ['spec.json', someJson],
    words: ['train', ...few, '--model', 'spec.json', '--size', '12'],
    line: "[data] a row is [12, 12, 1]; the model's input is [10, 10, 1]; change spec.input or the data",
  },
  'a specification beside options that it replaces': {
    file: ['spec.json', someJson],
    words: ['train', ...few, '--model', 'spec.json', '--latent', '3'],
    line: '[--latent] came together with --model spec.json; the file states the whole model; remove one of the two',
  },
  'a specification that misses a field': {
    file: ['spec.json', '{"input": [28, 28, 1], "latent": 2, "encoder": []}'],
    words: ['plan', ...few, '--model', 'spec.json'],
    line: '[spec.decoder] is undefined; expected a list of at most 256 layers',
  },
  'a specification file that is not there': {
    words: ['train', ...few, '--model', 'spec.json'],
    line: '[spec.json] cannot be read (ENOENT: no such file or directory); expected dense, conv, conv-residual, world-models, or the path of a specification as JSON; correct --model',
  },
  'a tuning table that is not there': {
    words: ['train', ...few, '--tuning', 'tuning.json'],
    line: '[tuning.json] cannot be read as a table (ENOENT: no such file or directory); expected the JSON that npm run tune wrote; correct --tuning',
  },
  'a tuning table with a field that it has not': {
    file: ['tuning.json', '{"version": 1, "adapter": "x", "entries": [], "date": 1}'],
    words: ['plan', ...few, '--tuning', 'tuning.json'],
    line: "[tuning] has the unknown field 'date'; it may have version, adapter, entries",
  },
  'an output folder under a file': {
    file: ['taken', ''],
    words: ['train', ...few, '--out', 'taken/out'],
    line: '[taken/out] cannot be written (ENOTDIR: not a directory); expected a folder that takes files; choose another one with --out, or free space',
  },
  'a checkpoint that is not there': {
    words: ['evaluate', 'nowhere'],
    line: '[nowhere] cannot be read (ENOENT: no such file or directory); expected a model.safetensors, or the folder of a run that holds one; correct the path, or train first',
  },
};

test.describe('bad input is answered in one line, before the GPU is opened', () => {
  for (const [name, { file, words, line }] of Object.entries(badInput))
    test(name, async () => {
      const folder = testFolder();
      if (file) writeFileSync(join(folder, file[0]), file[1]);
      const { code, stdout, stderr } = await runCli(words, folder);
      // A single file also says that it had to be split; the answer is the last line.
      const lines = stderr.trimEnd().split('\n');
      expect(lines.at(-1)).toBe(`webgpu-vae: ${line}`);
      expect(lines.length).toBe(1);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(existsSync(join(folder, 'out'))).toBe(false);
    });

  test('an unknown data set', async () => {
    const folder = testFolder();
    const { code, stderr } = await runCli(['train', '--data', 'fashoin'], folder);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `webgpu-vae: [fashoin] is neither a data set nor a file or folder (looked for ${join(folder, 'fashoin')}); expected ` +
        'fashion (20,000 + 4,000 images that come with webgpu-vae), fashion-mnist (the complete 60,000 + 10,000), ' +
        'mnist (60,000 + 10,000 digits), shapes (drawn, 3 x 6 x 40 x 32 x 32 known factors), or the path of an IDX images or .npy file or of a folder of IDX files, CIFAR-10 batches or pictures; correct the name\n',
    );
  });

  test('a specification that is not JSON', async () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'spec.json'), '{"input": [28');
    const { code, stderr } = await runCli(['train', ...few, '--model', 'spec.json'], folder);
    expect(code).toBe(1);
    // The reason is the JavaScript engine's, and its words change.
    expect(stderr).toMatch(
      /^webgpu-vae: \[spec\.json\] is not JSON \(.+\); expected {"input": \[28, 28, 1\], .*}; correct the file\n$/,
    );
  });
});

test('an output folder that takes no files', async () => {
  test.skip(process.platform !== 'linux', 'only Linux has a folder that refuses even its owner: /proc');
  const { code, stderr } = await runCli(['train', ...few, '--out', '/proc'], testFolder());
  expect(code).toBe(1);
  expect(stderr).toBe(
    'webgpu-vae: [/proc] cannot be written (ENOENT: no such file or directory); expected a folder that takes files; choose another one with --out, or free space\n',
  );
});

test('an unknown adapter is answered with those that there are', async () => {
  const folder = testFolder();
  const { code, stderr } = await runCli(['train', ...few, '--adapter', 'nonsense'], folder);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^webgpu-vae: \[openNodeGpu\] adapter 'nonsense' came; this machine has .+; pass a part of one of these names, or 'auto'\n$/m,
  );
});

test('DEBUG shows the stack', async () => {
  const environment = { DEBUG: '1' };
  const { stderr } = await runCli(['train', '--data', 'nowhere'], testFolder(), { environment });
  expect(stderr).toMatch(/^webgpu-vae: DataError: \[nowhere\] is neither .*\n +at /);
});

test.describe('a command line that is none has code 2', () => {
  const cases: Record<string, { words: string[]; message: string }> = {
    'unknown option': {
      words: ['train', '--ephocs', '3'],
      message: "webgpu-vae: unknown option '--ephocs'\n(Did you mean --epochs?)\n",
    },
    'option of another command': {
      words: ['plan', '--out', 'x'],
      message: "webgpu-vae: unknown option '--out'\n",
    },
    'option without its value': {
      words: ['train', '--seed'],
      message: "webgpu-vae: option '--seed <n>' argument missing\n",
    },
    'missing model': { words: ['evaluate'], message: "webgpu-vae: missing required argument 'model'\n" },
    'unknown command': {
      words: ['tarin'],
      message: "webgpu-vae: unknown command 'tarin'\n(Did you mean train?)\n",
    },
  };
  for (const [name, { words, message }] of Object.entries(cases))
    test(name, async () => {
      const { code, stdout, stderr } = await runCli(words, testFolder());
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: message });
    });

  test('no command at all prints the help', async () => {
    const { code, stderr } = await runCli([], testFolder());
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Usage: webgpu-vae .*train \[options\].*evaluate \[options\] <model> /s);
  });
});

test('help and version are no failures', async () => {
  const folder = testFolder();
  const help = await runCli(['start', '--help'], folder);
  expect(help.code).toBe(0);
  expect(help.stdout).toMatch(/--model <name\|spec\.json> .*\(default: "conv"\)/s);
  expect(help.stdout).toMatch(/--batch <n> .*\(default: 64\)/s);
  expect(help.stdout).toMatch(/--epochs <n> .*\(default: 1\)/s);
  expect(await runCli(['--version'], folder)).toMatchObject({ code: 0, stderr: '' });
});

test.describe("the README's examples run", () => {
  test('the complete one on the first screen', async () => {
    const [example] = readmeExamples('js');
    expect(example!.trimEnd().split('\n').length).toBeLessThanOrEqual(12);
    const { code, stdout, stderr } = await runModule(example!);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^elbo -\d+\.\d nats an image\n$/);
  });

  test('those on the library, one after the other', async () => {
    const text = readmeExamples('js')
      .join('')
      .replace(/^process\.exit\(\).*$/m, '');
    const { code, stdout, stderr } = await runModule(`${text}process.exit();`);
    expect(code, stderr).toBe(0);
    // The example, two epochs of the loop, and a step with one fed batch.
    expect(stdout).toMatch(/^elbo .*\n0 -\d+.*\n1 -\d+.*\n\[\s+{\s+step: 0,\s+rows: 2,\s+elbo: -/);
  });

  test('the specification', async () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'spec.json'), readmeExamples('json')[0]!);
    const words = ['train', '--limit', '64', '--epochs', '1', '--batch', '32', '--model', 'spec.json'];
    const { code, stderr } = await runCli(words, folder);
    expect(code, stderr).toBe(0);
    const complete = completeSpec(JSON.parse(readmeExamples('json')[0]!));
    expect(readReport(join(folder, 'out')).model).toEqual(complete);
  });
});

test.describe('data that no file of ours can hold', () => {
  const spec = denseSpec({ input: [2, 2, 1], hidden: 4, latent: 2 });
  const good: Dataset = { rows: 2, shape: [2, 2, 1], values: new Float32Array(8).fill(0.5) };
  const cases: Record<string, { value: number; message: string }> = {
    'a NaN pixel': {
      value: Number.NaN,
      message:
        '[data] row 1, element 2 is NaN; every value must be finite; remove the row or repair the step that made it',
    },
    'a value outside [0, 1] with Bernoulli': {
      value: 1.5,
      message:
        '[data] row 1, element 2 is 1.5; the bernoulli likelihood needs values in [0, 1]; rescale to [0, 1] or choose the gaussian likelihood',
    },
  };
  for (const [name, { value, message }] of Object.entries(cases))
    test(name, async () => {
      const values = new Float32Array(good.values);
      values[6] = value;
      const vae = await Vae.create(spec, { device: await nodeDevice() });
      const before = vae.device.liveByteLength;
      const training = vae.train({ ...good, values }, { epochs: 1, batchSize: 2 });
      const error = await training.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DataError);
      expect((error as DataError).message).toBe(message);
      expect(vae.device.liveByteLength).toBe(before);
      // The control: without that value, it trains.
      await vae.train(good, { epochs: 1, batchSize: 2 });
      vae.destroy();
    });
});
