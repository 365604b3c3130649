/**
 * Times of a product under several tilings. Each candidate is planned within the whole training step, so that it is
 * what training would run (bias, activation and partial sums included), and then runs apart from it, on numbers of
 * its own. Candidates take turns, so that a change of clock meets all of them.
 */
import type { Device } from '../../gpu/device.js';
import { Executable } from '../../gpu/executable.js';
import { storageOf } from '../../gpu/fuse.js';
import type { Tensor } from '../../gpu/graph.js';
import type { Location, Plan, PlannedDispatch } from '../../gpu/plan.js';
import { alignUp, elementCount } from '../../gpu/shape.js';
import { clockPass, timePasses } from '../../gpu/timestamps.js';
import { productOf, type PlannedProduct } from './product.js';

/** A product's own dispatch and the sums of its pieces. */
export interface ProductGroup extends PlannedProduct {
  readonly dispatches: readonly PlannedDispatch[];
}

/** The products of a plan in its order. */
export function productGroups({ dispatches }: Plan): ProductGroup[] {
  return dispatches.flatMap((planned, index) => {
    const product = productOf(planned.dispatch);
    if (!product) return [];
    const after = dispatches.slice(index + 1);
    const end = after.findIndex(
      ({ label, dispatch }) => label !== planned.label || dispatch.kernel.name !== 'sum',
    );
    return [{ ...product, dispatches: [planned, ...after.slice(0, end < 0 ? after.length : end)] }];
  });
}

/** What tells two groups apart that compute a product of the same sizes. */
export function signature({ dispatches }: ProductGroup): string {
  return JSON.stringify(
    dispatches.map(({ dispatch: { kernel, overrides, parameters } }) => [kernel, overrides, parameters]),
  );
}

/** A plan of the group alone: what it reads are resources named as its bindings, what it writes are slots. */
export function isolate({ dispatches }: ProductGroup): Plan {
  const slots: number[] = [];
  const written = new Map<Tensor, Location>();
  const locate = (name: string, operand: Tensor, isWritten: boolean): Location => {
    const tensor = storageOf(operand);
    const byteLength = alignUp(4 * elementCount(tensor.shape), 16);
    if (isWritten && !written.has(tensor))
      written.set(tensor, { kind: 'slot', slot: slots.push(byteLength) - 1, byteLength });
    return written.get(tensor) ?? { kind: 'resource', name, byteOffset: 0, byteLength };
  };
  const planned = dispatches.map(({ label, dispatch }) => {
    const places = dispatch.kernel.bindings.flatMap(({ name, type }): [string, Location][] => {
      const operand = dispatch.bindings[name];
      if (operand === undefined) return [];
      if (operand === 'unused' || 'resource' in operand) return [[name, { kind: 'unused' }]];
      return [[name, locate(name, operand, type === 'storage')]];
    });
    return { label, dispatch, locations: Object.fromEntries(places) };
  });
  return {
    label: 'tune',
    dispatches: planned,
    slotByteLengths: slots,
    inputs: new Map(),
    constants: [],
    outputs: new Map(),
  };
}

/** Bytes of each resource that isolated plans read. */
export function resourceLengths(plans: readonly Plan[]): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const place of plans.flatMap(({ dispatches }) =>
    dispatches.flatMap((d) => Object.values(d.locations)),
  ))
    if (place.kind === 'resource')
      lengths.set(place.name, Math.max(lengths.get(place.name) ?? 16, place.byteLength ?? 0));
  return lengths;
}

/** One of the executables that a candidate stands for, and how many there are like it in a step. */
export interface Use {
  readonly executable: Executable;
  readonly count: number;
}

/** Shorter runs are repeated until they take this long: clocks are coarse and submits are not free. */
const TARGET_TIME_MS = 2;
const MOST_REPEATS = 64;

/** Milliseconds of the uses together in one step; by timestamps where the device has them, else by the wall clock. */
export async function timeUses(device: Device, uses: readonly Use[], guessMs: number): Promise<number> {
  const repeats = Math.ceil(Math.min(MOST_REPEATS, Math.max(1, TARGET_TIME_MS / Math.max(guessMs, 1e-3))));
  let timeMs = 0;
  for (const { executable, count } of uses) timeMs += count * (await timeRuns(device, executable, repeats));
  return timeMs;
}

async function timeRuns(device: Device, executable: Executable, repeats: number): Promise<number> {
  const encode = (pass: GPUComputePassEncoder): void => {
    for (let run = 0; run < repeats; run++) executable.encode(pass);
  };
  if (device.gpu.features.has('timestamp-query')) return (await timePasses(device, 1, encode))[0]! / repeats;
  return (await clockPass(device, encode)) / repeats;
}
