/** Runs a graph once for tests that compare graphs with each other rather than with the reference. */
import {
  Executable,
  makePlan,
  readBuffer,
  Scheduler,
  type Device,
  type Plan,
  type PlanRequest,
  type StepValues,
} from 'webgpu-vae/gpu';
import type { F64 } from './reference/tensor.js';

/** The graph, the numbers it gets, and how it is planned. */
export interface Evaluation extends PlanRequest {
  readonly inputs: Readonly<Record<string, F64>>;
  /** The flat weights, where the graph has parameters. */
  readonly weights?: Float32Array;
  readonly step?: StepValues;
  /** Whose kernels are planned; the device's own by default. */
  readonly adapterClass?: Device['adapterClass'];
  /** Changes the plan before it is compiled. */
  readonly adjust?: (plan: Plan) => Plan;
}

/** What came out: the named outputs, the flat gradients (empty without), and what was dispatched. */
export interface Evaluated {
  readonly outputs: Readonly<Record<string, Float32Array>>;
  readonly gradients: Float32Array;
  readonly labels: readonly string[];
}

/** Plans, compiles and runs `evaluation` in guard mode (NaN in every buffer before the run). */
export async function evaluate(device: Device, evaluation: Evaluation): Promise<Evaluated> {
  const { inputs, weights = new Float32Array(4), step = {}, adapterClass, adjust, ...request } = evaluation;
  const planned = makePlan(request, adapterClass ?? device.adapterClass);
  const plan = adjust ? adjust(planned) : planned;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const resources = {
    weights: device.createBuffer('test/weights', weights.byteLength, usage),
    gradients: device.createBuffer('test/gradients', weights.byteLength, usage),
    state: device.createBuffer('test/state', 4 * Math.max(1, request.state?.length ?? 0), usage),
  };
  device.gpu.queue.writeBuffer(resources.weights, 0, weights as Float32Array<ArrayBuffer>);
  const executable = await Executable.create(device, plan, { resources, guard: true });
  try {
    for (const [name, { values }] of Object.entries(inputs)) {
      if (plan.inputs.has(name)) executable.write(name, Float32Array.from(values));
    }
    await new Scheduler(device).run(executable, step);
    const outputs: Record<string, Float32Array> = {};
    for (const name of plan.outputs.keys()) outputs[name] = await executable.read(name);
    const gradients = request.gradients
      ? new Float32Array(await readBuffer(device, resources.gradients, 0, weights.byteLength))
      : new Float32Array();
    device.check();
    return { outputs, gradients, labels: plan.dispatches.map(({ label }) => label) };
  } finally {
    executable.destroy();
    for (const buffer of Object.values(resources)) device.destroyBuffer(buffer);
  }
}

/** Largest magnitude of a tensor: what `tolerances.network` is relative to. NaN counts as infinite. */
export function largest(values: ArrayLike<number>): number {
  return Array.from(values, Math.abs).reduce(
    (worst, value) => (value <= worst ? worst : Number.isNaN(value) ? Infinity : value),
    0,
  );
}
