/** Where the time of a training step goes, from timestamps around every dispatch. */
import type { Device } from '../../gpu/device.js';
import { DeviceError } from '../../gpu/errors.js';
import type { Dataset } from '../../vae/data/dataset.js';
import type { TrainerOptions } from '../../vae/trainer-options.js';
import type { Vae } from '../../vae/vae.js';
import { formatQuantity, formatTable } from './format.js';
import { describeVariant } from './product.js';
import { describeRoof, measureRoof, roofTime, type Roof, type RoofTime } from './roof.js';

export interface DispatchProfile {
  readonly label: string;
  readonly kernel: string;
  /** Of a product: its kernel and tile in words. */
  readonly variant: string;
  readonly flops: number;
  /** Compulsory traffic: every operand read once, every result written once. */
  readonly bytes: number;
  /** Median over a few steps. */
  readonly timeMs: number;
  /** What binds it first, and its time there. */
  readonly roof: RoofTime;
}

export interface StepProfile {
  /** Of the adapter, measured just before. */
  readonly roof: Roof;
  readonly dispatches: readonly DispatchProfile[];
}

/** Odd, so that the median is one of them. */
const PROFILED_STEPS = 5;

/** @throws DeviceError when the device has no timestamp queries; asked before training, not after it */
export function checkProfilable(device: Device): void {
  if (device.gpu.features.has('timestamp-query')) return;
  throw new DeviceError(
    '--profile',
    `${device.description} has no timestamp queries, which a profile needs; leave --profile out, or choose another --adapter`,
  );
}

/** Runs a few more training steps, which change the weights: everything else must have been written before. */
export async function profileSteps(vae: Vae, data: Dataset, options: TrainerOptions): Promise<StepProfile> {
  const roof = await measureRoof(vae.device);
  const trainer = await vae.trainer(data, options);
  try {
    const runs: number[][] = [];
    for (let run = 0; run < PROFILED_STEPS; run++)
      runs.push((await trainer.profile()).map(({ timeMs }) => timeMs));
    const dispatches = trainer.plan.dispatches.map(({ label, dispatch }, index) => ({
      label,
      kernel: dispatch.kernel.name,
      variant: describeVariant(dispatch),
      flops: dispatch.cost.flops,
      bytes: dispatch.cost.bytesRead + dispatch.cost.bytesWritten,
      timeMs: median(runs.map((times) => times[index]!)),
      roof: roofTime(dispatch.cost, roof),
    }));
    return { roof, dispatches };
  } finally {
    trainer.destroy();
  }
}

/** Of an odd number of values, the one in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** A table, the slowest dispatch first: its time, its rate, and the share of the roof over it that it reaches. */
export function formatProfile({ roof, dispatches }: StepProfile): string {
  const total = dispatches.reduce((sum, { timeMs }) => sum + timeMs, 0);
  const atRoof = dispatches.reduce((sum, entry) => sum + entry.roof.timeMs, 0);
  const rows = dispatches
    .toSorted((a, b) => b.timeMs - a.timeMs)
    .map(({ label, kernel, variant, flops, timeMs, roof: { bound, timeMs: roofMs } }) => [
      label,
      kernel,
      variant,
      timeMs.toFixed(3),
      percent(timeMs, total),
      // Timestamps are coarse: a short dispatch may take none of their ticks.
      timeMs > 0 ? formatQuantity((1000 * flops) / timeMs, 'FLOP/s') : '-',
      percent(roofMs, timeMs),
      bound,
    ]);
  const head = ['dispatch', 'kernel', 'variant', 'ms', 'share', 'rate', 'of roof', 'bound by'];
  return [
    formatTable([head, ...rows], new Set([3, 4, 5, 6])),
    `${total.toFixed(3)} ms in ${dispatches.length} dispatches, ${percent(atRoof, total)} of the roof: ${describeRoof(roof)}`,
  ].join('\n');
}

function percent(part: number, whole: number): string {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '-';
}
