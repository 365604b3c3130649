/**
 * Kernels become pipelines: one module a shader, one explicit bind group layout a shader (from the reflected
 * bindings), one pipeline a set of overrides, all cached and compiled asynchronously in parallel.
 */
import { ShaderError } from './errors.js';
import type { Kernel } from './kernel-declaration.js';
import { pieces } from './kernels.generated.js';

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

type Overrides = Readonly<Record<string, number | boolean>>;

/** The WGSL of a kernel, comments of ours stripped. */
export function kernelSource({ pieces: text }: Kernel): string {
  if ('source' in text) return `${text.declarations}\n${text.source}`;
  return text.map((index) => pieces[index]).join('\n');
}

/** What is kept for a kernel: its module and layout, and a pipeline for each set of overrides. */
interface Entry {
  readonly module: GPUShaderModule;
  readonly layout: GPUBindGroupLayout;
  readonly pipelines: Map<string, Promise<CompiledKernel>>;
}

export class KernelCache {
  readonly #gpu: GPUDevice;
  readonly #entries = new Map<Kernel, Entry>();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** The pipeline of a kernel with these overrides. @throws ShaderError with label, line, column and source */
  compile(kernel: Kernel, overrides: Overrides): Promise<CompiledKernel> {
    const entry = this.#entry(kernel);
    const key = JSON.stringify(Object.entries(overrides).toSorted(([a], [b]) => a.localeCompare(b)));
    let compiled = entry.pipelines.get(key);
    if (!compiled) {
      compiled = this.#createPipeline(kernel, entry, overrides);
      entry.pipelines.set(key, compiled);
      // A failure is reported to whoever awaits it; the next caller may try again.
      compiled.catch(() => entry.pipelines.delete(key));
    }
    return compiled;
  }

  async #createPipeline(
    kernel: Kernel,
    { module, layout }: Entry,
    overrides: Overrides,
  ): Promise<CompiledKernel> {
    const label = `vae/${kernel.name}`;
    const constants = Object.fromEntries(
      Object.entries(overrides).map(([key, value]) => [key, Number(value)]),
    );
    try {
      const pipeline = await this.#gpu.createComputePipelineAsync({
        label,
        layout: this.#gpu.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main', constants },
      });
      return { pipeline, layout };
    } catch (error) {
      throw await shaderError(kernel, module, error);
    }
  }

  #entry(kernel: Kernel): Entry {
    let entry = this.#entries.get(kernel);
    if (!entry) {
      const label = `vae/${kernel.name}`;
      const entries = kernel.bindings.map(({ binding, type }) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      }));
      entry = {
        module: this.#createModule(label, kernel),
        layout: this.#gpu.createBindGroupLayout({ label, entries }),
        pipelines: new Map(),
      };
      this.#entries.set(kernel, entry);
    }
    return entry;
  }

  /** A faulty module is told by the pipeline made of it; as an uncaptured error it would spoil the device as well. */
  #createModule(label: string, kernel: Kernel): GPUShaderModule {
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code: kernelSource(kernel) });
    void this.#gpu.popErrorScope().catch(() => undefined); // rejects when the device is lost
    return module;
  }
}

/** The first compilation message with its place, counted in the caller's own text, and the line it points at. */
export async function shaderError(
  kernel: Kernel,
  module: GPUShaderModule,
  cause: unknown,
): Promise<ShaderError> {
  const file = `${kernel.name}.wgsl`;
  const info = await module.getCompilationInfo().catch(() => undefined);
  const message = info?.messages.find(({ type }) => type === 'error');
  if (!message) return new ShaderError(file, `the pipeline was refused: ${String(cause)}`, { cause });
  const line = kernelSource(kernel).split('\n')[message.lineNum - 1] ?? '';
  const ahead = 'source' in kernel.pieces ? 1 : 0;
  const place = `line ${message.lineNum - ahead}, column ${message.linePos}`;
  const caret = ' '.repeat(Math.max(0, message.linePos - 1));
  return new ShaderError(file, `${place}: ${message.message}\n  ${line}\n  ${caret}^`, { cause });
}
