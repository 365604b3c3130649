/**
 * Kernels become pipelines: one module a shader, one explicit bind group layout a shader (from the reflected
 * bindings), one pipeline a set of overrides, all cached and compiled asynchronously in parallel.
 */
import type { KernelName } from './dispatch.js';
import { ShaderError } from './errors.js';
import { kernels, pieces } from './kernels.generated.js';

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

type Overrides = Readonly<Record<string, number | boolean>>;

/** The WGSL of a kernel, comments stripped. */
export function kernelSource(name: KernelName): string {
  return kernels[name].pieces.map((index) => pieces[index]).join('\n');
}

export class KernelCache {
  readonly #gpu: GPUDevice;
  readonly #modules = new Map<KernelName, GPUShaderModule>();
  readonly #layouts = new Map<KernelName, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<CompiledKernel>>();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** The pipeline of a kernel with these overrides. @throws ShaderError with label, line, column and source */
  compile(name: KernelName, overrides: Overrides): Promise<CompiledKernel> {
    const key = `${name} ${JSON.stringify(Object.entries(overrides).toSorted(([a], [b]) => a.localeCompare(b)))}`;
    let compiled = this.#pipelines.get(key);
    if (!compiled) {
      compiled = this.#createPipeline(name, overrides);
      this.#pipelines.set(key, compiled);
      // A failure is reported to whoever awaits it; the next caller may try again.
      compiled.catch(() => this.#pipelines.delete(key));
    }
    return compiled;
  }

  async #createPipeline(name: KernelName, overrides: Overrides): Promise<CompiledKernel> {
    const layout = this.#layout(name);
    const module = this.#module(name);
    const constants = Object.fromEntries(
      Object.entries(overrides).map(([key, value]) => [key, Number(value)]),
    );
    try {
      const pipeline = await this.#gpu.createComputePipelineAsync({
        label: `vae/${name}`,
        layout: this.#gpu.createPipelineLayout({ label: `vae/${name}`, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main', constants },
      });
      return { pipeline, layout };
    } catch (error) {
      throw await shaderError(name, module, kernelSource(name), error);
    }
  }

  #module(name: KernelName): GPUShaderModule {
    let module = this.#modules.get(name);
    if (!module) {
      module = this.#gpu.createShaderModule({ label: `vae/${name}`, code: kernelSource(name) });
      this.#modules.set(name, module);
    }
    return module;
  }

  #layout(name: KernelName): GPUBindGroupLayout {
    let layout = this.#layouts.get(name);
    if (!layout) {
      const entries = kernels[name].bindings.map(({ binding, type }) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      }));
      layout = this.#gpu.createBindGroupLayout({ label: `vae/${name}`, entries });
      this.#layouts.set(name, layout);
    }
    return layout;
  }
}

/** The first compilation message with its place and the line it points at. */
export async function shaderError(
  name: string,
  module: GPUShaderModule,
  source: string,
  cause: unknown,
): Promise<ShaderError> {
  const info = await module.getCompilationInfo().catch(() => undefined);
  const message = info?.messages.find(({ type }) => type === 'error');
  if (!message)
    return new ShaderError(`${name}.wgsl`, `the pipeline was refused: ${String(cause)}`, { cause });
  const line = source.split('\n')[message.lineNum - 1] ?? '';
  const place = `line ${message.lineNum}, column ${message.linePos}`;
  return new ShaderError(
    `${name}.wgsl`,
    `${place}: ${message.message}\n  ${line}\n  ${' '.repeat(Math.max(0, message.linePos - 1))}^`,
    {
      cause,
    },
  );
}
