/**
 * Plan: every shader through Tint, without a GPU (Dawn's null backend validates and runs nothing).
 * - each kernel with every set of overrides that the plans of the kernel cases use;
 * - each planned dispatch names exactly the bindings, parameters and overrides that its shader has;
 * - the checked-in module is what the shaders say;
 * - a broken shader is refused with its label, line, column and source, and so is a pipeline over the limits.
 */
import { expect, test } from '@playwright/test';
import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { create, globals } from 'webgpu';
import { makePlan } from 'webgpu-vae/gpu';
import type { Dispatch, KernelName } from '../../src/gpu/dispatch.js';
import { ShaderError } from '../../src/gpu/errors.js';
import { KernelCache, kernelSource, shaderError } from '../../src/gpu/kernel.js';
import type { Kernel } from '../../src/gpu/kernel-declaration.js';
import { kernels, pieces } from '../../src/gpu/kernels.generated.js';
import { assemble } from '../../tools/assemble.js';
import { CaseGraph, matmulClasses } from '../cases/case.js';
import { kernelCases } from '../cases/index.js';
import { planCase } from '../runner.js';

const shaderFolder = resolve(import.meta.dirname, '../../shaders');
const kernelNames = Object.keys(kernels) as KernelName[];

/** Dawn aborts the process when the object from create() is collected. */
const gpu = create(['backend=null']);

async function nullDevice(): Promise<GPUDevice> {
  for (const [name, value] of Object.entries(globals))
    Object.assign(globalThis, { [name]: value as unknown });
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('[shaders] the null backend gave no adapter; reinstall npm webgpu');
  return adapter.requestDevice({ requiredFeatures: ['subgroups'] });
}

/** The dispatches of every kernel case, planned for every adapter class. */
function plannedDispatches(): Dispatch[] {
  const dispatches: Dispatch[] = [];
  for (const kernelCase of kernelCases) {
    const graph = new CaseGraph();
    kernelCase.build(graph);
    for (const adapterClass of matmulClasses) {
      const plan = planCase({ ...kernelCase, adapterClass }, graph);
      dispatches.push(...plan.dispatches.map(({ dispatch }) => dispatch));
    }
  }
  return dispatches;
}

test('every kernel compiles with every set of overrides in use', async () => {
  test.setTimeout(600_000); // hundreds of sets, each through Tint; half a minute alone on a machine
  const sets = new Map<string, Dispatch>();
  for (const dispatch of plannedDispatches())
    sets.set(`${dispatch.kernel.name} ${JSON.stringify(dispatch.overrides)}`, dispatch);

  const device = await nullDevice();
  const cache = new KernelCache(device);
  const failures: string[] = [];
  for (const [name, { kernel, overrides }] of sets) {
    await cache
      .compile(kernel, overrides)
      .catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
  }
  expect(failures).toEqual([]);
  expect(sets.size).toBeGreaterThan(100);
  device.destroy();
});

test('every shader is dispatched by some op', () => {
  const used = new Set(plannedDispatches().map(({ kernel }) => kernel.name));
  expect(kernelNames.filter((name) => !used.has(name))).toEqual([]);
});

test('every planned dispatch names what its shader has', () => {
  const wrong = plannedDispatches().filter(({ kernel, bindings, parameters, overrides }) => {
    const { bindings: declared, parameters: struct, overrides: known } = kernel;
    const storage = declared.filter(({ type }) => type !== 'uniform').map(({ name }) => name);
    return !(
      sameNames(Object.keys(bindings), storage) &&
      sameNames(
        Object.keys(parameters),
        struct.fields.map(({ name }) => name),
      ) &&
      Object.keys(overrides).every((name) => name in known)
    );
  });
  expect(wrong.map(({ kernel, overrides }) => `${kernel.name} ${JSON.stringify(overrides)}`)).toEqual([]);
});

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}

test('the generated module is what the shaders say', () => {
  const files = readdirSync(shaderFolder).filter((file) => file.endsWith('.wgsl'));
  expect(kernelNames.toSorted()).toEqual(files.map((file) => basename(file, '.wgsl')).toSorted());
  const bare = (text: string): string =>
    text
      .split('\n')
      .map((line) => line.replace(/\/\/.*$/, '').trim())
      .filter((line) => line !== '')
      .join('\n');
  for (const name of kernelNames)
    expect(kernelSource(kernels[name]), `run npm run generate: ${name}.wgsl has changed`).toBe(
      bare(assemble(join(shaderFolder, `${name}.wgsl`))),
    );
});

test('no shader needs more than a default device has', () => {
  for (const name of kernelNames) {
    const storage = kernels[name].bindings.filter(({ type }) => type !== 'uniform');
    expect(storage.length, `${name}: storage buffers`).toBeLessThanOrEqual(8);
    expect(kernels[name].parameters.byteLength, name).toBeLessThanOrEqual(256);
  }
});

test('a broken shader is refused with its label, line, column and source', async () => {
  const device = await nullDevice();
  const code = 'fn twice(x: f32) -> f32 {\n  return x + x + 1u;\n}\n@compute @workgroup_size(1) fn main() {}';
  const module = device.createShaderModule({ label: 'vae/broken', code: `\n${code}` });
  const cause = await device
    .createComputePipelineAsync({ layout: 'auto', compute: { module } })
    .catch((error: unknown) => error);
  const struct = { byteLength: 0, fields: [] };
  const text = { declarations: '', source: code };
  const broken: Kernel = { name: 'broken', bindings: [], overrides: {}, parameters: struct, pieces: text };
  const error = await shaderError(broken, module, cause);
  expect(error).toBeInstanceOf(ShaderError);
  expect(error.message).toMatch(/^\[broken\.wgsl\] line 2, column \d+: no matching overload/);
  expect(error.message).toContain('\n    return x + x + 1u;\n');
  const [, source, caret] = error.message.slice(error.message.indexOf('\n')).split('\n').slice(-3);
  expect(source!.slice(caret!.indexOf('^')), 'the caret stands under the fault').toMatch(
    /^\+ 1u;|^x \+ x \+ 1u;/,
  );
  device.destroy();
});

test('a kernel with a fault names itself, and the next try is not answered from the cache', async () => {
  const device = await nullDevice();
  const texts = pieces as string[];
  const index = kernels.unary.pieces.at(-1)!;
  const intact = texts[index]!;
  try {
    texts[index] = intact.replace('return v * v;', 'return v * w;');
    expect(texts[index]).not.toBe(intact);
    await expect(new KernelCache(device).compile(kernels.unary, {})).rejects.toThrow(
      /^\[unary\.wgsl\] line \d+, column \d+: unresolved value 'w'\n.*return v \* w;/,
    );
  } finally {
    texts[index] = intact;
  }
  const cache = new KernelCache(device);
  await expect(cache.compile(kernels.unary, { FUNCTION: 3 })).resolves.toBeDefined();
  // Tint accepts the text; the pipeline is over the device's limits.
  const tooWide = { WORKGROUP: 4096 };
  await expect(cache.compile(kernels.unary, tooWide)).rejects.toThrow(
    /^\[unary\.wgsl\] the pipeline was refused: /,
  );
  await expect(cache.compile(kernels.unary, tooWide)).rejects.toThrow(ShaderError);
  device.destroy();
});

test('equal overrides share a pipeline', async () => {
  const device = await nullDevice();
  const cache = new KernelCache(device);
  const [a, b, c] = await Promise.all([
    cache.compile(kernels.sum, { HAS_BIAS: true, ACTIVATION: 1 }),
    cache.compile(kernels.sum, { ACTIVATION: 1, HAS_BIAS: true }),
    cache.compile(kernels.sum, { ACTIVATION: 2, HAS_BIAS: true }),
  ]);
  expect(a).toBe(b);
  expect(a).not.toBe(c);
  device.destroy();
});

test('a plan is made without a device', () => {
  expect(makePlan({ label: 'empty', outputs: {} }, 'gpu').dispatches).toEqual([]);
});
