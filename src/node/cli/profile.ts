/** Where the time of a training step goes, from timestamps around every dispatch. */
import type { Device } from '../../gpu/device.js';
import { DeviceError } from '../../gpu/errors.js';
import type { Dataset } from '../../vae/data/dataset.js';
import type { TrainerOptions } from '../../vae/trainer.js';
import type { Vae } from '../../vae/vae.js';
import { formatQuantity, formatTable } from './format.js';

export interface DispatchProfile {
  readonly label: string;
  readonly kernel: string;
  readonly flops: number;
  /** Median over a few steps. */
  readonly timeMs: number;
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
export async function profileSteps(
  vae: Vae,
  data: Dataset,
  options: TrainerOptions,
): Promise<DispatchProfile[]> {
  const trainer = await vae.trainer(data, options);
  try {
    const runs: number[][] = [];
    for (let run = 0; run < PROFILED_STEPS; run++)
      runs.push((await trainer.profile()).map(({ timeMs }) => timeMs));
    return trainer.plan.dispatches.map(({ label, dispatch }, index) => ({
      label,
      kernel: dispatch.kernel,
      flops: dispatch.cost.flops,
      timeMs: median(runs.map((times) => times[index]!)),
    }));
  } finally {
    trainer.destroy();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** A table, the slowest dispatch first. */
export function formatProfile(entries: readonly DispatchProfile[]): string {
  const total = entries.reduce((sum, { timeMs }) => sum + timeMs, 0);
  const rows = entries
    .toSorted((a, b) => b.timeMs - a.timeMs)
    .map(({ label, kernel, flops, timeMs }) => [
      label,
      kernel,
      timeMs.toFixed(3),
      `${((100 * timeMs) / total).toFixed(1)} %`,
      // Timestamps are coarse: a short dispatch may take none of their ticks.
      timeMs > 0 ? formatQuantity((1000 * flops) / timeMs, 'FLOP/s') : '-',
    ]);
  const table = [['dispatch', 'kernel', 'ms', 'share', 'rate'], ...rows];
  return `${formatTable(table, new Set([2, 3, 4]))}\n${total.toFixed(3)} ms in ${entries.length} dispatches`;
}
