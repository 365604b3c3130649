/**
 * Plan: the words of lib/threefry.wgsl, bit by bit, against the published vectors and the reference on random keys;
 * the kernel cases see them only through normals and comparisons.
 */
import { expect, test } from '@playwright/test';
import { join } from 'node:path';
import { readBuffer } from 'webgpu-vae/gpu';
import { assemble } from '../../tools/assemble.js';
import { knownAnswers } from '../cases/threefry.js';
import { nodeDevice } from '../node-device.js';
import { TestRandom } from '../reference/tensor.js';
import { threefry } from '../reference/threefry.js';

/** The device's words for questions of four words each: key, counter. */
async function wordsOf(questions: Uint32Array): Promise<Uint32Array> {
  const device = await nodeDevice();
  const { gpu } = device;
  const count = questions.length / 4;
  const code = assemble(join(import.meta.dirname, '../cases/threefry_words.wgsl'));
  const module = gpu.createShaderModule({ label: 'test/threefry', code });
  const pipeline = await gpu.createComputePipelineAsync({
    label: 'test/threefry',
    layout: 'auto',
    compute: { module },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const input = device.createBuffer('test/questions', questions.byteLength, usage);
  const output = device.createBuffer('test/words', 8 * count, usage);
  gpu.queue.writeBuffer(input, 0, questions as Uint32Array<ArrayBuffer>);
  const entries = [input, output].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const layout = pipeline.getBindGroupLayout(0);
  const encoder = gpu.createCommandEncoder({ label: 'test/threefry' });
  const pass = encoder.beginComputePass({ label: 'test/threefry' });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ label: 'test/threefry', layout, entries }));
  pass.dispatchWorkgroups(Math.ceil(count / 64));
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  const words = new Uint32Array(await readBuffer(device, output, 0, 8 * count));
  for (const buffer of [input, output]) device.destroyBuffer(buffer);
  return words;
}

test('the published vectors', async () => {
  const questions = Uint32Array.from(knownAnswers.flatMap(({ key, counter }) => [...key, ...counter]));
  expect([...(await wordsOf(questions))]).toEqual(knownAnswers.flatMap(({ words }) => [...words]));
});

test('a thousand random keys and counters', async () => {
  const random = new TestRandom(2);
  const questions = Uint32Array.from({ length: 4000 }, () => random.word());
  const expected = Array.from({ length: 1000 }, (_, i) => {
    const [low, high, c0, c1] = questions.subarray(4 * i, 4 * i + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return threefry({ low, high }, [c0, c1]);
  });
  expect([...(await wordsOf(questions))]).toEqual(expected.flat());
});
