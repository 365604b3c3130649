/**
 * The command tune: measures kernels and tiles for every product of a model's training step on this adapter, prints
 * what it found, and writes the fastest as a table for `--tuning` and `Device.open({ tuning })`.
 */
import { BufferGroup } from '../../gpu/buffer-group.js';
import type { Device } from '../../gpu/device.js';
import { Executable } from '../../gpu/executable.js';
import type { ProductShape } from '../../gpu/ops/product.js';
import { makePlan, type Plan, type PlanRequest } from '../../gpu/plan.js';
import { productKey, variantOf, type ProductKey, type Tiling, type TuneTable } from '../../gpu/tuning.js';
import { buildOptimizer } from '../../vae/optimizers/optimizer.js';
import { trainingPlan } from '../../vae/training-plan.js';
import { Vae } from '../../vae/vae.js';
import { candidatesFor } from './candidates.js';
import { formatQuantity, formatTable } from './format.js';
import {
  isolate,
  productGroups,
  resourceLengths,
  signature,
  timeUses,
  type ProductGroup,
  type Use,
} from './measure.js';
import type { TuneSettings } from './options.js';
import { describeTiling } from './product.js';
import { median } from './profile.js';
import { describeModel, openDevice, prepareTask, say, trainerOptions } from './session.js';
import { writeTuning } from './tuning-file.js';

export interface Measurement {
  readonly tiling: Tiling;
  /** Median of one step's products of these sizes, in milliseconds. */
  readonly timeMs: number;
}

export interface TunedProduct {
  readonly key: ProductKey;
  /** Of one step. */
  readonly flops: number;
  /** Products of these sizes in a step. */
  readonly count: number;
  /** The rule's choice first. */
  readonly measurements: readonly Measurement[];
  readonly best: Measurement;
}

export interface TuneOptions {
  readonly rounds?: number;
  /** Milliseconds of running that a candidate gets. */
  readonly boundMs?: number;
  readonly all?: boolean;
  readonly notify?: (line: string) => void;
}

/** A candidate this many times slower than the best is not measured again. */
const HOPELESS = 2;
/** What the rule's choice must be beaten by: less is noise. */
const CLEARLY_FASTER = 0.97;

/**
 * Measures, prints a table on stdout, writes --out.
 *
 * @throws VaeError as training would before its first step, or when the file cannot be written
 */
export async function tuneCommand(settings: TuneSettings, typed: readonly string[]): Promise<number> {
  const { spec } = await prepareTask(settings, typed);
  const device = await openDevice(settings);
  try {
    const vae = await Vae.create(spec, { device });
    say(`tuning ${describeModel(spec)} at batch ${settings.batch} on ${device.description}`);
    const { rounds, bound: boundMs, all } = settings;
    const options = trainerOptions(settings);
    const optimizer = buildOptimizer(options.optimizer!);
    const request = trainingPlan(vae.model, undefined, settings.batch, options, optimizer).model[0]!.request;
    const products = await tune(device, request, { rounds, boundMs, all, notify: say });
    await writeTuning(settings.out, tableOf(device, products));
    process.stdout.write(`${formatTuning(products)}\n`);
    say(`in ${settings.out}: ${products.length} products; use it with --tuning ${settings.out}`);
    return 0;
  } finally {
    device.destroy();
  }
}

/** The products of a request, in the order of its plan, each under every candidate. */
export async function tune(
  device: Device,
  request: PlanRequest,
  { rounds = 5, boundMs = 2000, all = false, notify = () => undefined }: TuneOptions = {},
): Promise<TunedProduct[]> {
  const { plans, candidates } = planCandidates(device, request, all);
  const groups = plans.map(productGroups);
  const buffers = new BufferGroup(device, 'tune');
  try {
    const resources = await createResources(device, buffers, groups.flat().map(isolate));
    const products: TunedProduct[] = [];
    for (const [key, tilings] of candidates) {
      const uses = usesOf(groups[0]!, key);
      const flops = uses.reduce((sum, { index, count }) => sum + count * flopsOf(groups[0]![index]!), 0);
      const count = uses.reduce((sum, use) => sum + use.count, 0);
      const race = new Race(device, resources, rounds, boundMs);
      const measurements = await race.run(
        tilings.map((tiling, plan) => ({
          tiling,
          parts: uses.map((use) => ({ group: groups[plan]![use.index]!, count: use.count })),
        })),
      );
      const best = chooseBest(measurements);
      products.push({ key: groups[0]![uses[0]!.index]!.key, flops, count, measurements, best });
      notify(`${products.length}/${candidates.size} ${key}: ${describeTiling(best.tiling)}`);
    }
    return products;
  } finally {
    buffers.destroy();
  }
}

/** Plan n of the step takes candidate n of every product; the first takes the rule's. */
function planCandidates(
  device: Device,
  request: PlanRequest,
  all: boolean,
): { plans: Plan[]; candidates: Map<string, Tiling[]> } {
  const { adapterClass } = device;
  const shapes = new Map<string, ProductShape>();
  const rule = makePlan(request, adapterClass, (shape) => {
    shapes.set(productKey(shape), shape);
    return undefined;
  });
  const candidates = new Map<string, Tiling[]>();
  for (const { key, tiling } of productGroups(rule)) {
    const name = productKey(key);
    if (!candidates.has(name))
      candidates.set(name, candidatesFor(adapterClass, shapes.get(name)!, tiling, { all }));
  }
  const most = Math.max(0, ...[...candidates.values()].map(({ length }) => length));
  const others = Array.from({ length: Math.max(0, most - 1) }, (_, index) =>
    makePlan(request, adapterClass, (shape) => {
      const tiling = candidates.get(productKey(shape))?.[index + 1];
      return tiling && variantOf(tiling, shape.aligned);
    }),
  );
  return { plans: [rule, ...others], candidates };
}

/** The different dispatches that compute products of one key, as indexes into the plan's products. */
function usesOf(groups: readonly ProductGroup[], key: string): { index: number; count: number }[] {
  const uses = new Map<string, { index: number; count: number }>();
  groups.forEach((group, index) => {
    if (productKey(group.key) !== key) return;
    const use = uses.get(signature(group));
    if (use) use.count++;
    else uses.set(signature(group), { index, count: 1 });
  });
  return [...uses.values()];
}

function flopsOf({ dispatches }: ProductGroup): number {
  return dispatches[0]!.dispatch.cost.flops;
}

/** Buffers of random numbers: zeros would let a GPU clock higher. */
async function createResources(
  device: Device,
  buffers: BufferGroup,
  plans: readonly Plan[],
): Promise<Record<string, GPUBuffer>> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const lengths = resourceLengths(plans);
  const resources = Object.fromEntries(
    [...lengths].map(([name, byteLength]) => [name, buffers.create(name, byteLength, usage)]),
  );
  await buffers.settled();
  for (const buffer of Object.values(resources)) {
    const values = Float32Array.from({ length: buffer.size / 4 }, () => Math.random() - 0.5);
    device.gpu.queue.writeBuffer(buffer, 0, values);
  }
  return resources;
}

interface Runner {
  readonly tiling: Tiling;
  readonly parts: readonly { readonly group: ProductGroup; readonly count: number }[];
}

/** Candidates of one product against each other. */
class Race {
  constructor(
    readonly device: Device,
    readonly resources: Record<string, GPUBuffer>,
    readonly rounds: number,
    readonly boundMs: number,
  ) {}

  async run(runners: readonly Runner[]): Promise<Measurement[]> {
    const made: Executable[] = [];
    try {
      const entries: { tiling: Tiling; uses: Use[]; times: number[]; spentMs: number }[] = [];
      for (const { tiling, parts } of runners) {
        const uses: Use[] = [];
        for (const { group, count } of parts) {
          const { resources } = this;
          const executable = await Executable.create(this.device, isolate(group), { resources });
          made.push(executable);
          uses.push({ executable, count });
        }
        const spentMs = await timeUses(this.device, uses, Infinity); // warms up
        entries.push({ tiling, uses, times: [], spentMs });
      }
      for (let round = 0; round < this.rounds; round++) {
        const fastest = Math.min(...entries.map(({ times, spentMs }) => Math.min(...times, spentMs)));
        for (const entry of entries) {
          const last = entry.times.at(-1) ?? entry.spentMs;
          // Every candidate is measured once, so that the table holds a figure for it.
          if (round > 0 && (last > HOPELESS * fastest || entry.spentMs > this.boundMs)) continue;
          const start = performance.now();
          entry.times.push(await timeUses(this.device, entry.uses, last));
          entry.spentMs += performance.now() - start;
        }
      }
      return entries.map(({ tiling, times }) => ({ tiling, timeMs: median(times) }));
    } finally {
      for (const executable of made) executable.destroy();
    }
  }
}

/** The fastest, or the rule's (the first) where none is clearly faster. */
function chooseBest(measurements: readonly Measurement[]): Measurement {
  const rule = measurements[0]!;
  const fastest = measurements.reduce((best, other) => (other.timeMs < best.timeMs ? other : best));
  return fastest.timeMs < CLEARLY_FASTER * rule.timeMs ? fastest : rule;
}

/** The table of the best, for the adapter of `device`. */
export function tableOf(device: Device, products: readonly TunedProduct[]): TuneTable {
  const { vendor, architecture } = device.gpu.adapterInfo;
  const name = [vendor, architecture].filter((word) => word).join(' ');
  return {
    version: 1,
    adapter: name || device.description,
    entries: products.map(({ key, best }) => ({ ...key, ...best.tiling })),
  };
}

/** Every candidate of every product with its time and rate, and what the choice gains in a step. */
export function formatTuning(products: readonly TunedProduct[]): string {
  const rows = products.flatMap(({ key, count, flops, measurements, best }) =>
    measurements.map((measurement, index) => [
      index === 0 ? describeKey(key, count) : '',
      `${describeTiling(measurement.tiling)} (${describeShares(measurement.tiling)})`,
      measurement.timeMs.toFixed(3),
      measurement.timeMs > 0 ? formatQuantity((1000 * flops) / measurement.timeMs, 'FLOP/s') : '-',
      [index === 0 && 'rule', measurement === best && 'best'].filter(Boolean).join(', '),
    ]),
  );
  const total = (of: (product: TunedProduct) => number): string =>
    products.reduce((sum, product) => sum + of(product), 0).toFixed(3);
  const head = ['product', 'variant', 'ms', 'rate', ''];
  return [
    formatTable([head, ...rows], new Set([2, 3])),
    `products of a step: ${total(({ best }) => best.timeMs)} ms; by the rule ${total((p) => p.measurements[0]!.timeMs)} ms`,
  ].join('\n');
}

/** `conv 64 x 32 x 128, 4 phases, twice a step` */
function describeKey({ family, rows, columns, inner, phases, aligned }: ProductKey, count: number): string {
  return [
    `${family} ${rows} x ${columns} x ${inner}`,
    ...(phases > 1 ? [`${phases} phases`] : []),
    ...(aligned ? [] : ['unaligned']),
    ...(count > 1 ? [`${count} a step`] : []),
  ].join(', ');
}

/** `16x16 an invocation, 4x2 of them` */
function describeShares({ quads, workgroup }: Tiling): string {
  return `${4 * quads[0]}x${4 * quads[1]} each of ${workgroup[1]}x${workgroup[0]}`;
}
