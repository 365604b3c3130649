/** The command bench-device: what this adapter is, what it reaches, and how fast it trains two small models. */
import type { Device } from '../../gpu/device.js';
import { convSpec, denseSpec } from '../../vae/presets.js';
import type { VaeSpec } from '../../vae/spec.js';
import { Vae } from '../../vae/vae.js';
import { formatCount, formatQuantity } from './format.js';
import type { AdapterSettings } from './options.js';
import { measureRoof, type Roof } from './roof.js';
import { openDevice, say } from './session.js';

export interface BenchDeviceSettings extends AdapterSettings {
  readonly steps: number;
  readonly json: boolean;
}

/** A model's training steps; the slowest and the fastest tell how quiet the machine was. */
interface StepTimes {
  readonly name: string;
  readonly batch: number;
  readonly medianMs: number;
  readonly fastestMs: number;
  readonly slowestMs: number;
}

interface DeviceReport {
  readonly adapter: string;
  readonly kernels: Device['adapterClass'];
  readonly features: readonly string[];
  readonly maxStorageBufferBindingSize: number;
  /** Undefined without timestamp queries. */
  readonly roof?: Roof;
  /** Submit of nothing, until the GPU says it is done. */
  readonly emptySubmitMs: number;
  readonly steps: readonly StepTimes[];
}

const input = [28, 28, 1];
const models: readonly { readonly name: string; readonly batch: number; readonly spec: VaeSpec }[] = [
  { name: 'dense', batch: 128, spec: denseSpec({ input }) },
  { name: 'conv', batch: 64, spec: convSpec({ input }) },
];
const EMPTY_SUBMITS = 50;

/** Prints a table or JSON. @throws DeviceError when there is no adapter */
export async function benchDeviceCommand(settings: BenchDeviceSettings): Promise<number> {
  const device = await openDevice(settings);
  try {
    const { gpu } = device;
    const report: DeviceReport = {
      adapter: device.description,
      kernels: device.adapterClass,
      features: [...gpu.features].toSorted(),
      maxStorageBufferBindingSize: gpu.limits.maxStorageBufferBindingSize,
      ...(gpu.features.has('timestamp-query') && { roof: await measureRoof(device) }),
      emptySubmitMs: await emptySubmit(device),
      steps: await measureModels(device, settings.steps),
    };
    process.stdout.write(`${settings.json ? JSON.stringify(report) : formatDevice(report)}\n`);
    return 0;
  } finally {
    device.destroy();
  }
}

async function emptySubmit({ gpu }: Device): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < EMPTY_SUBMITS; i++) {
    gpu.queue.submit([gpu.createCommandEncoder({ label: 'vae/empty' }).finish()]);
    await gpu.queue.onSubmittedWorkDone();
  }
  return (performance.now() - started) / EMPTY_SUBMITS;
}

async function measureModels(device: Device, steps: number): Promise<StepTimes[]> {
  const measured: StepTimes[] = [];
  for (const { name, batch, spec } of models) {
    say(`${steps} steps of ${name} at batch ${batch}`);
    const vae = await Vae.create(spec, { device });
    const times = await stepTimes(vae, batch, steps);
    vae.destroy();
    const [fastestMs, medianMs, slowestMs] = [times[0]!, times[Math.floor(times.length / 2)]!, times.at(-1)!];
    measured.push({ name, batch, medianMs, fastestMs, slowestMs });
  }
  return measured;
}

/** Each step waited for, in ascending order; the first is left out, it compiles and allocates. */
async function stepTimes(vae: Vae, batch: number, steps: number): Promise<number[]> {
  const trainer = await vae.trainer(undefined, { batchSize: batch });
  const x = Float32Array.from({ length: batch * 784 }, (_, i) => (i % 7) / 7);
  const noise = new Float32Array(batch * vae.spec.latent);
  const times: number[] = [];
  try {
    for (let step = 0; step <= steps; step++) {
      const started = performance.now();
      await trainer.step({ x, noise });
      await trainer.terms();
      if (step > 0) times.push(performance.now() - started);
    }
  } finally {
    trainer.destroy();
  }
  return times.toSorted((a, b) => a - b);
}

function formatDevice(report: DeviceReport): string {
  const { adapter, kernels, features, roof, emptySubmitMs, steps, maxStorageBufferBindingSize } = report;
  const reached = roof
    ? `${formatQuantity(roof.flopPerSecond, 'FLOP/s')} of multiply-adds, ${formatQuantity(roof.bytePerSecond, 'B/s')} of memory traffic`
    : 'no timestamp queries, so arithmetic and memory were not measured';
  return [
    `${adapter}, ${kernels} kernels`,
    `features ${features.join(' ')}`,
    `binds ${formatQuantity(maxStorageBufferBindingSize, 'B')} at most`,
    reached,
    `an empty submit takes ${emptySubmitMs.toFixed(2)} ms`,
    ...steps.map(
      ({ name, batch, medianMs, fastestMs, slowestMs }) =>
        `a training step of ${name} at batch ${batch} takes ${medianMs.toFixed(1)} ms (${fastestMs.toFixed(1)} to ${slowestMs.toFixed(1)}), ` +
        `${formatCount(Math.round((1000 * batch) / medianMs))} images a second`,
    ),
  ].join('\n');
}
