/**
 * What a model does, from buffer to buffer: recorded into the caller's command encoder, so that numbers stay on the GPU
 * and the caller decides when they are submitted. A function runs with the model's weights as they are at that time.
 */
import { ShapeError } from '../../gpu/errors.js';
import { Executable } from '../../gpu/executable.js';
import type { Tensor } from '../../gpu/graph.js';
import { input } from '../../gpu/ops/constant.js';
import { noise } from '../../gpu/ops/noise.js';
import { slice } from '../../gpu/ops/window.js';
import { makePlan } from '../../gpu/plan.js';
import { checkCount, elementCount } from '../../gpu/shape.js';
import { seedWords } from '../../gpu/threefry.js';
import { conditionRows } from '../condition.js';
import type { Model } from '../model.js';
import { decodeCall, drawCall, encodeCall } from '../model-calls.js';
import { SAMPLE_STREAM, type Vae } from '../vae.js';

/** How a function on GPU buffers is made. */
export interface GpuFunctionOptions {
  /** Rows of a run; 1 by default. */
  readonly rows?: number;
}

/** What one recording is about. */
export interface RecordOptions {
  /** Copied into `input` before the run, on the GPU: f32[rows, width], with COPY_SRC. */
  readonly input?: GPUBuffer;
  /** Gets a copy of `output`: f32[rows, width], with COPY_DST. */
  readonly output?: GPUBuffer;
  /** Of a sampler: the samples of `vae.sample(rows, { seed })`, 0 at first. One seed a submit. */
  readonly seed?: number;
}

/** A function of `rows` rows on the GPU. */
export class GpuFunction {
  private constructor(
    readonly vae: Vae,
    readonly rows: number,
    readonly executable: Executable,
  ) {}

  /** Plans and compiles. @throws DeviceError, OutOfMemoryError, ShaderError; nothing stays allocated then */
  static async create(
    vae: Vae,
    label: string,
    options: GpuFunctionOptions,
    build: (rows: number, condition?: Tensor) => Readonly<Record<string, Tensor>>,
  ): Promise<GpuFunction> {
    const { rows = 1 } = options;
    checkCount(rows, 'rows', label);
    const { model, device, resources } = vae;
    const { set, state } = model.weights;
    const condition = model.conditionWidth > 0 ? input('condition', [rows, model.conditionWidth]) : undefined;
    const request = { label, outputs: build(rows, condition), parameters: set, state };
    const plan = makePlan(request, device.adapterClass, device.tuning);
    const executable = await Executable.create(device, plan, { resources });
    executable.writeStep({ stream: SAMPLE_STREAM }); // and seed 0, as in vae.sample()
    return new GpuFunction(vae, rows, executable);
  }

  /** f32[rows, width] with STORAGE, COPY_DST and COPY_SRC: write to it, or record what writes to it. */
  get input(): GPUBuffer {
    return this.executable.inputBuffer('x');
  }

  /** f32[rows, width] with STORAGE and COPY_SRC, from its start; of an encoder, the mean. */
  get output(): GPUBuffer {
    return this.executable.output('y').buffer;
  }

  /** Of an encoder: f32[rows, K], f32[rows, 1] if isotropic. @throws ShapeError for a family without one */
  get logVariance(): GPUBuffer {
    return this.executable.output('logVariance').buffer;
  }

  /** Tells a model with a condition the class of each row. @throws SpecError or DataError as `vae.encode` */
  setLabels(labels: ArrayLike<number>): void {
    const condition = conditionRows(this.vae.spec, labels, this.rows, this.executable.plan.label);
    if (condition && this.executable.plan.inputs.has('condition'))
      this.executable.write('condition', condition);
  }

  /**
   * Records one run. Nothing is submitted, nothing read back.
   * @throws ShapeError for a buffer that is too small, DeviceError after loss
   */
  record(encoder: GPUCommandEncoder, options: RecordOptions = {}): void {
    const { executable } = this;
    const { label } = executable.plan;
    executable.device.check();
    const { input: from, output: to, seed } = options;
    if (seed !== undefined) executable.writeStep({ seed: seedWords(seed), stream: SAMPLE_STREAM });
    if (from) {
      // the input's own buffer may be larger: it has room for four values at least
      const byteLength = 4 * elementCount(executable.plan.inputs.get('x')!);
      checkSize(from, byteLength, `${label}: input`);
      encoder.copyBufferToBuffer(from, 0, this.input, 0, byteLength);
    }
    const pass = encoder.beginComputePass({ label: `vae/${label}` });
    executable.encode(pass);
    pass.end();
    if (!to) return;
    const { buffer, byteOffset, byteLength } = executable.output('y');
    checkSize(to, byteLength, `${label}: output`);
    encoder.copyBufferToBuffer(buffer, byteOffset, to, 0, byteLength);
  }

  /** Frees its buffers; the model and the device stay. */
  destroy(): void {
    this.executable.destroy();
  }
}

function checkSize({ size }: GPUBuffer, byteLength: number, where: string): void {
  if (size < byteLength)
    throw new ShapeError(where, `the buffer has ${size} bytes; expected ${byteLength}, f32 of all rows`);
}

/** x f32[rows, D] -> the posterior's mean f32[rows, K] (`output`) and log-variance. @throws as GpuFunction.create */
export function gpuEncoder(vae: Vae, options: GpuFunctionOptions = {}): Promise<GpuFunction> {
  const { model } = vae;
  const { latent } = model.spec;
  const { logVarianceWidth } = model.posterior;
  return GpuFunction.create(vae, 'gpu encode', options, (rows, condition) => {
    const summary = encodeCall(model).graph(input('x', [rows, model.width]), condition);
    return {
      y: meanOf(model, summary),
      ...(logVarianceWidth > 0 && { logVariance: slice(summary, 1, latent, logVarianceWidth) }),
    };
  });
}

/** z f32[rows, K] -> the mean of p(x | z), f32[rows, D]. @throws as GpuFunction.create */
export function gpuDecoder(vae: Vae, options: GpuFunctionOptions = {}): Promise<GpuFunction> {
  const { model } = vae;
  return GpuFunction.create(vae, 'gpu decode', options, (rows, condition) => ({
    y: decodeCall(model).graph(input('x', [rows, model.spec.latent]), condition),
  }));
}

/** x f32[rows, D] -> decode(encode(x).mean), f32[rows, D]. @throws as GpuFunction.create */
export function gpuReconstructor(vae: Vae, options: GpuFunctionOptions = {}): Promise<GpuFunction> {
  const { model } = vae;
  return GpuFunction.create(vae, 'gpu reconstruct', options, (rows, condition) => {
    const summary = encodeCall(model).graph(input('x', [rows, model.width]), condition);
    return { y: decodeCall(model).graph(meanOf(model, summary), condition) };
  });
}

/** Decoded samples of the prior, f32[rows, D], of noise that is made on the GPU. @throws as GpuFunction.create */
export function gpuSampler(vae: Vae, options: GpuFunctionOptions = {}): Promise<GpuFunction> {
  const { model } = vae;
  return GpuFunction.create(vae, 'gpu sample', options, (rows, condition) => {
    const z = drawCall(model).graph(noise([rows, model.prior.noiseWidth]), condition);
    return { y: decodeCall(model).graph(z, condition) };
  });
}

/** The mean f32[B, K] of an encoder's summary. */
function meanOf({ spec, posterior }: Model, summary: Tensor): Tensor {
  return posterior.logVarianceWidth === 0 ? summary : slice(summary, 1, 0, spec.latent);
}
