/**
 * Plan: the exported graphs in onnxruntime (WebAssembly), batches of 1 and 7, within 1e-5 of ours.
 * | axis       | control   | cases                                                                             |
 * | images     | dense     | conv, conv-residual, world-models                                                 |
 * | layers     |           | every one; every way from vectors to images                                       |
 * | posteriors | diagonal  | isotropic, full, deterministic, flows, vector-quantized by loss and by averages  |
 * | priors     | N(0, I)   | mixture, vamp, factorized, conditional, hierarchical; a class                     |
 * | likelihood | Bernoulli | each of the others                                                                |
 * | objective  | the bound | one of its author's own, which stays behind                                       |
 * | beside it  |           | Triton's configuration states the graphs' own tensors; Python compiles ray_batch.py |
 */
import { expect, test } from '@playwright/test';
import { InferenceSession, Tensor } from 'onnxruntime-web';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  exportOnnx,
  onnxGraphs,
  type ExportedFiles,
  type OnnxGraphName,
} from '../../src/vae/export/index.js';
import { conditionRows } from '../../src/vae/condition.js';
import type { Rows } from '../../src/vae/data/number-rows.js';
import { Inference } from '../../src/vae/inference.js';
import type { VaeSpec } from '../../src/vae/spec.js';
import { Vae } from '../../src/vae/vae.js';
import {
  hierarchicalModels,
  layerModels,
  likelihoodModels,
  movedModelFile,
  ownObjective,
  posteriorModels,
  presetModels,
  priorModels,
} from '../export-models.js';
import { float32, scaledError } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { randomNormal, randomUniform } from '../reference/tensor.js';
import { runProcess, testFolder } from './command-line.js';
import { findTorch } from './torch.js';

/** Issue 6, "Must show" 3: of the largest number, in float32 on both sides. */
const TOLERANCE = 1e-5;
const BATCHES = [1, 7];

const models: Readonly<Record<string, VaeSpec>> = {
  ...presetModels,
  ...layerModels,
  ...posteriorModels,
  ...priorModels,
  ...hierarchicalModels,
  ...likelihoodModels,
  'own objective': ownObjective.spec,
};

/** Rows of images [H, W, C] as [C, H, W]; rows of vectors stay. */
function channelsFirst(
  rows: Float32Array,
  shape: readonly number[],
): { values: Float32Array; dims: number[] } {
  const [H, W, C] = shape as [number, number, number];
  const width = shape.reduce((a, b) => a * b);
  if (shape.length < 3) return { values: rows, dims: [rows.length / width, width] };
  const values = rows.map((_, i) => {
    const [row, place] = [Math.floor(i / width), i % width];
    const [channel, pixel] = [Math.floor(place / (H * W)), place % (H * W)];
    return rows[row * width + pixel * C + channel]!;
  });
  return { values, dims: [rows.length / width, C, H, W] };
}

/** What a graph makes of its inputs, by name. */
async function runGraph(
  files: ExportedFiles,
  name: OnnxGraphName,
  inputs: Readonly<Record<string, { values: Float32Array; dims: number[] } | undefined>>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const session = await InferenceSession.create(files.get(`models/${name}/1/model.onnx`)!);
  const feeds = Object.fromEntries(
    Object.entries(inputs).flatMap(([key, input]) =>
      input ? [[key, new Tensor('float32', input.values, input.dims)]] : [],
    ),
  );
  expect(Object.keys(feeds).toSorted()).toEqual([...session.inputNames].toSorted());
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(outputs).map(([key, { data }]) => [key, data as Float32Array]));
}

function expectClose(actual: Float32Array, expected: Float32Array | undefined, what: string): void {
  expect(expected, what).toBeDefined();
  const error = scaledError(actual, expected!);
  test.info().annotations.push({ type: 'error', description: `${what} ${error.toExponential(1)}` });
  expect(error, what).toBeLessThan(TOLERANCE);
}

/** z of the prior from its noise, by ours. */
async function drawn(vae: Vae, noise: Float32Array, told: Float32Array | undefined): Promise<Float32Array> {
  const { prior, weights, conditionWidth } = vae.model;
  if (prior.isStandardNormal) return noise;
  const inference = new Inference(vae.device, weights, vae.resources);
  const rows: Record<string, Rows> = {
    noise: { values: noise, width: prior.noiseWidth },
    ...(told && { condition: { values: told, width: conditionWidth } }),
  };
  const z = await inference.run({
    label: 'prior',
    rows,
    outputWidth: vae.spec.latent,
    build: (tensors) => prior.draw(tensors['noise']!, tensors['condition']),
  });
  inference.destroy();
  return z;
}

async function compare(vae: Vae, files: ExportedFiles, count: number): Promise<void> {
  const { spec, model } = vae;
  const { input, latent } = spec;
  const labels = spec.condition && Uint8Array.from({ length: count }, (_, i) => i % spec.condition!.classes);
  const told = conditionRows(spec, labels, count, 'compare');
  const condition = told && { values: told, dims: [count, model.conditionWidth] };
  const conditioned = { ...(labels && { labels }) };
  const rows = (values: Float32Array): { values: Float32Array; dims: number[] } => ({
    values,
    dims: [count, values.length / count],
  });
  const x = float32(randomUniform([count, model.width], 51, 0, 1));
  const { mean, logVariance } = await vae.encode(x, conditioned);
  const outputs = await runGraph(files, 'encoder', { x: channelsFirst(x, input), condition });
  expectClose(mean, outputs['mean'], 'mean');
  if (logVariance.length > 0) expectClose(logVariance, outputs['log_variance'], 'log-variance');
  expect('log_variance' in outputs).toBe(logVariance.length > 0);
  const z = float32(randomNormal([count, latent], 52));
  const decoded = await vae.decode(z, conditioned);
  const { x: ofDecoder } = await runGraph(files, 'decoder', { z: rows(z), condition });
  expectClose(channelsFirst(decoded, input).values, ofDecoder, 'decoded');
  const noise = float32(randomNormal([count, model.prior.noiseWidth], 53));
  const sampled = await vae.decode(await drawn(vae, noise, told), conditioned);
  const { x: ofSampler } = await runGraph(files, 'sampler', { noise: rows(noise), condition });
  expectClose(channelsFirst(sampled, input).values, ofSampler, 'sampled');
}

for (const [name, spec] of Object.entries(models))
  test(`${name} in onnxruntime`, async () => {
    const { extensions } = ownObjective;
    const file = await movedModelFile(spec, 6, extensions);
    const vae = await Vae.load(file, { device: await nodeDevice(), ...extensions });
    const files = await exportOnnx(vae);
    for (const batch of BATCHES) await compare(vae, files, batch);
    vae.destroy();
  });

test('graphs that are none are refused', async () => {
  const vae = await Vae.create(presetModels['dense']!, { device: await nodeDevice() });
  for (const graphs of [[], ['encoder', 'encoder'], ['prior']])
    await expect(exportOnnx(vae, { graphs: graphs as OnnxGraphName[] })).rejects.toThrow(
      /\[graphs\] is .*expected some of encoder, decoder, sampler/,
    );
  vae.destroy();
});

/** A protobuf text of messages, lists and values as nested objects; every field is a list of what it was given. */
interface Message {
  [field: string]: (string | Message)[];
}

function parseText(text: string): Message {
  const words = text.match(/"[^"]*"|[\w.]+|[{}[\]:,]/g) ?? [];
  let at = 0;
  const value = (): string | Message => {
    if (words[at] !== '{') return words[at++]!.replaceAll('"', '');
    at++;
    const inner = fields();
    at++;
    return inner;
  };
  const fields = (): Message => {
    const message: Message = {};
    while (at < words.length && words[at] !== '}') {
      const field = (message[words[at++]!] ??= []);
      if (words[at] === ':') at++;
      if (words[at] !== '[') {
        field.push(value());
        continue;
      }
      for (at++; words[at] !== ']'; words[at] === ',' ? at++ : undefined) field.push(value());
      at++;
    }
    return message;
  };
  const message = fields();
  expect(at, 'the whole text was read').toBe(words.length);
  return message;
}

test("Triton's configuration states the tensors of its graph", async () => {
  const vae = await Vae.create(priorModels['a class, images']!, { device: await nodeDevice() });
  const files = await exportOnnx(vae);
  for (const name of onnxGraphs) {
    const config = parseText(new TextDecoder().decode(files.get(`models/${name}/config.pbtxt`)));
    const session = await InferenceSession.create(files.get(`models/${name}/1/model.onnx`)!);
    expect(config['name']).toEqual([name]);
    for (const [kind, metadata] of [
      ['input', session.inputMetadata],
      ['output', session.outputMetadata],
    ] as const) {
      const stated = (config[kind] as Message[]).map((tensor) => [
        tensor['name'],
        tensor['data_type'],
        tensor['dims'],
      ]);
      const actual = metadata.map((tensor) => [
        [tensor.name],
        ['TYPE_FP32'],
        tensor.isTensor ? tensor.shape.slice(1).map(String) : [],
      ]);
      expect(stated).toEqual(actual);
    }
    await session.release();
  }
  vae.destroy();
});

test('Python compiles ray_batch.py', async () => {
  const python = findTorch();
  test.skip(python === undefined, 'no python3 here imports torch');
  const folder = testFolder();
  for (const [index, name] of ['a class', 'mixture'].entries()) {
    const vae = await Vae.create(priorModels[name]!, { device: await nodeDevice() });
    const path = join(folder, `ray_${index}.py`);
    writeFileSync(path, (await exportOnnx(vae)).get('ray_batch.py')!);
    const { code, stderr } = await runProcess(python!, ['-m', 'py_compile', path], folder);
    expect(code, stderr).toBe(0);
    vae.destroy();
  }
});
