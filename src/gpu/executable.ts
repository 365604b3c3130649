/**
 * A plan on a device: its buffers, uniforms, bind groups and pipelines, all made before the first step.
 * Owns every buffer it makes; the resources (weights, data set) belong to the caller.
 */
import { BufferGroup } from './buffer-group.js';
import type { Device } from './device.js';
import { ShapeError } from './errors.js';
import { stepBlock } from './kernels.generated.js';
import type { Kernel } from './kernel-declaration.js';
import type { CompiledKernel } from './kernel.js';
import { checkBindings } from './limits.js';
import type { Location, Plan, PlannedDispatch } from './plan.js';
import { readBuffer, type BufferRange } from './readback.js';
import { alignUp, elementCount } from './shape.js';

/** The values of the step block (shaders/lib/step.wgsl); those left out are 0. */
export type StepValues = {
  readonly [F in (typeof stepBlock.fields)[number]['name']]?: number | readonly number[];
};

/** What a plan is bound to. */
export interface ExecutableOptions {
  readonly resources?: Readonly<Record<string, GPUBuffer>>;
  /** Pipelines compiled so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Guard words behind every slot and NaN bits in it: kernels that write outside or read early are found. */
  readonly guard?: boolean;
}

const STORAGE = 0x80; // GPUBufferUsage.STORAGE; the global may be missing until a device exists
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const UNIFORM = 0x40;

/** Bytes behind each slot in guard mode, and the word they hold. */
const GUARD_BYTES = 256;
const GUARD_WORD = 0x7fc0dead; // a NaN with a recognisable payload
/** Uniform and storage binding offsets are multiples of this on every device. */
const BINDING_ALIGNMENT = 256;

interface Ready {
  readonly planned: PlannedDispatch;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
}

/** A plan that can run: write its inputs, encode it, read its outputs. */
export class Executable {
  readonly #buffers: BufferGroup;
  readonly #slots: GPUBuffer[];
  readonly #constants: GPUBuffer[];
  readonly #inputs: Map<string, GPUBuffer>;
  readonly #uniforms: GPUBuffer;
  readonly #step: GPUBuffer;
  // Placeholders of bindings that the overrides switch off; a buffer cannot be both kinds in one dispatch.
  readonly #unusedRead: GPUBuffer;
  readonly #unusedWritten: GPUBuffer;
  readonly #stepBytes = new DataView(new ArrayBuffer(stepBlock.byteLength));
  #ready: Ready[] = [];

  private constructor(
    readonly device: Device,
    readonly plan: Plan,
    readonly options: ExecutableOptions,
  ) {
    const guard = options.guard ? GUARD_BYTES : 0;
    const buffers = new BufferGroup(device, plan.label);
    const storage = (name: string, byteLength: number): GPUBuffer =>
      buffers.create(name, byteLength, STORAGE | COPY_SRC | COPY_DST);
    this.#buffers = buffers;
    this.#slots = plan.slotByteLengths.map((bytes, index) => storage(`slot ${index}`, bytes + guard));
    this.#constants = plan.constants.map(({ elementCount: count }, index) =>
      storage(`constant ${index}`, 4 * count),
    );
    this.#inputs = new Map(
      [...plan.inputs].map(([name, shape]) => [name, storage(name, 4 * elementCount(shape))]),
    );
    const uniformBytes = Math.max(1, plan.dispatches.length) * BINDING_ALIGNMENT;
    this.#uniforms = buffers.create('parameters', uniformBytes, UNIFORM | COPY_DST);
    this.#step = buffers.create('step', stepBlock.byteLength, UNIFORM | COPY_DST);
    this.#unusedRead = storage('unused (read)', BINDING_ALIGNMENT);
    this.#unusedWritten = storage('unused (written)', 8 * BINDING_ALIGNMENT);
  }

  /**
   * Allocates the plan's buffers and compiles its pipelines in parallel.
   * @throws DeviceError for a tensor larger than a binding may be, OutOfMemoryError, DeviceError, ShaderError; nothing stays allocated then
   */
  static async create(device: Device, plan: Plan, options: ExecutableOptions = {}): Promise<Executable> {
    checkBindings(plan, device.gpu.limits, options.resources);
    const executable = new Executable(device, plan, options);
    try {
      await executable.#buffers.settled();
      executable.#fillConstants();
      const compiled = await executable.#compile();
      executable.#ready = plan.dispatches.map((planned, index) =>
        executable.#prepare(planned, compiled[index]!, index),
      );
      if (options.guard) executable.#fillGuards();
      return executable;
    } catch (error) {
      executable.destroy();
      throw error;
    }
  }

  /** Dispatches of one run. */
  get dispatchCount(): number {
    return this.#ready.length;
  }

  async #compile(): Promise<CompiledKernel[]> {
    const { dispatches } = this.plan;
    let done = 0;
    return Promise.all(
      dispatches.map(async ({ dispatch }) => {
        const compiled = await this.device.kernels.compile(dispatch.kernel, dispatch.overrides);
        this.options.onProgress?.(++done, dispatches.length);
        return compiled;
      }),
    );
  }

  #fillConstants(): void {
    this.plan.constants.forEach(({ value, elementCount: count }, index) => {
      const values = typeof value === 'number' ? new Float32Array(count).fill(value) : value;
      this.device.gpu.queue.writeBuffer(this.#constants[index]!, 0, values as Float32Array<ArrayBuffer>);
    });
  }

  #prepare(planned: PlannedDispatch, compiled: CompiledKernel, index: number): Ready {
    const { kernel, parameters } = planned.dispatch;
    this.device.gpu.queue.writeBuffer(
      this.#uniforms,
      index * BINDING_ALIGNMENT,
      parameterBytes(kernel, parameters),
    );
    let unused = 0;
    const placeholder = (type: string): GPUBufferBinding =>
      type === 'storage'
        ? { buffer: this.#unusedWritten, offset: BINDING_ALIGNMENT * unused++, size: BINDING_ALIGNMENT }
        : { buffer: this.#unusedRead };
    const entries = kernel.bindings.map(({ name, binding, type }) => {
      if (type === 'uniform') return { binding, resource: this.#uniform(kernel, name, index) };
      const location = planned.locations[name]!;
      const resource = location.kind === 'unused' ? placeholder(type) : this.#binding(location);
      return { binding, resource };
    });
    const label = `vae/${this.plan.label}/${planned.label}`;
    return {
      planned,
      pipeline: compiled.pipeline,
      bindGroup: this.device.gpu.createBindGroup({ label, layout: compiled.layout, entries }),
    };
  }

  #uniform(kernel: Kernel, name: string, index: number): GPUBufferBinding {
    if (name === 'step') return { buffer: this.#step };
    return {
      buffer: this.#uniforms,
      offset: index * BINDING_ALIGNMENT,
      size: kernel.parameters.byteLength,
    };
  }

  #binding(location: Exclude<Location, { kind: 'unused' }>): GPUBufferBinding {
    switch (location.kind) {
      case 'slot': {
        const size = alignUp(location.byteLength, 16) + (this.options.guard ? GUARD_BYTES - 16 : 0);
        return {
          buffer: this.#slots[location.slot]!,
          size: Math.min(size, this.#slots[location.slot]!.size),
        };
      }
      case 'constant':
        return { buffer: this.#constants[location.index]! };
      case 'input':
        return { buffer: this.inputBuffer(location.name) };
      case 'resource': {
        const buffer = this.options.resources?.[location.name];
        if (!buffer)
          throw new ShapeError(this.plan.label, `needs the buffer '${location.name}'; pass it in resources`);
        if (location.byteLength === undefined) return { buffer };
        return { buffer, offset: location.byteOffset ?? 0, size: location.byteLength };
      }
    }
  }

  /** The buffer of an input tensor, for copies on the GPU. @throws ShapeError for a name that is none */
  inputBuffer(name: string): GPUBuffer {
    const buffer = this.#inputs.get(name);
    if (!buffer)
      throw new ShapeError(
        this.plan.label,
        `has no input '${name}'; it has ${[...this.#inputs.keys()].join(', ') || 'none'}`,
      );
    return buffer;
  }

  /** Writes an input tensor. @throws ShapeError when the name or the length is wrong */
  write(name: string, values: Float32Array): void {
    const buffer = this.inputBuffer(name);
    const expected = elementCount(this.plan.inputs.get(name)!);
    if (values.length !== expected)
      throw new ShapeError(
        this.plan.label,
        `input '${name}' has ${values.length} values; expected ${expected}`,
      );
    this.device.gpu.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
  }

  /** Writes the step block; takes effect for the dispatches submitted after it. */
  writeStep(values: StepValues): void {
    const view = this.#stepBytes;
    for (const field of stepBlock.fields) writeField(view, field, values[field.name] ?? 0);
    this.device.gpu.queue.writeBuffer(this.#step, 0, view.buffer);
  }

  /** Encodes dispatches [first, last) into `pass`. */
  encode(pass: GPUComputePassEncoder, first = 0, last = this.#ready.length): void {
    for (const { planned, pipeline, bindGroup } of this.#ready.slice(first, last)) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...planned.dispatch.workgroups);
    }
  }

  /** The buffer and byte offset of an output, for copies on the GPU. */
  output(name: string): BufferRange {
    const output = this.plan.outputs.get(name);
    if (!output || output.location.kind === 'unused')
      throw new ShapeError(
        this.plan.label,
        `has no output '${name}'; it has ${[...this.plan.outputs.keys()].join(', ')}`,
      );
    const { buffer, offset = 0 } = this.#binding(output.location);
    return { buffer, byteOffset: offset, byteLength: 4 * elementCount(output.shape) };
  }

  /** Reads an output back. */
  async read(name: string): Promise<Float32Array> {
    const { buffer, byteOffset, byteLength } = this.output(name);
    return new Float32Array(await readBuffer(this.device, buffer, byteOffset, byteLength));
  }

  #fillGuards(): void {
    for (const slot of this.#slots)
      this.device.gpu.queue.writeBuffer(slot, 0, new Uint32Array(slot.size / 4).fill(GUARD_WORD));
  }

  /** In guard mode: the slots whose guard words were overwritten, by slot index. */
  async damagedGuards(): Promise<number[]> {
    const damaged: number[] = [];
    for (const [index, slot] of this.#slots.entries()) {
      const used = this.plan.slotByteLengths[index]!;
      const words = new Uint32Array(await readBuffer(this.device, slot, used, slot.size - used));
      if (words.some((word) => word !== GUARD_WORD)) damaged.push(index);
    }
    return damaged;
  }

  /** Frees every buffer of the plan; the resources stay. */
  destroy(): void {
    this.#buffers.destroy();
    this.#ready = [];
  }
}

function parameterBytes(
  kernel: Kernel,
  values: Readonly<Record<string, number | readonly number[]>>,
): ArrayBuffer {
  const { byteLength, fields } = kernel.parameters;
  const view = new DataView(new ArrayBuffer(byteLength));
  for (const field of fields) writeField(view, field, values[field.name] ?? 0);
  return view.buffer;
}

/** Writes one field of a uniform struct by its reflected type and offset. */
function writeField(
  view: DataView,
  { offset, type }: { readonly offset: number; readonly type: string },
  value: number | readonly number[],
): void {
  const numbers = typeof value === 'number' ? [value] : value;
  numbers.forEach((number, index) => {
    const at = offset + 4 * index;
    if (type.startsWith('f32') || type.endsWith('f')) view.setFloat32(at, number, true);
    else if (type === 'i32') view.setInt32(at, number, true);
    else view.setUint32(at, number, true);
  });
}
