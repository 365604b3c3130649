/**
 * Runs kernel cases on a device, in Node and in a page alike. Every case is planned without buffer reuse and runs
 * with guard words behind each buffer and NaN in it, twice: the second run must give the same bits.
 */
import { Executable, makePlan, readBuffer, Scheduler, type Device, type Plan } from 'webgpu-vae/gpu';
import { CaseGraph, type Check, type KernelCase } from './cases/case.js';

/** What a case ran and every way in which it went wrong; plain data, so that a page can send it. */
export interface CaseReport {
  readonly failures: readonly string[];
  /** Numbers that were compared. */
  readonly compared: number;
  /** Largest error as a share of its tolerance. */
  readonly worst: number;
}

/** Buffers of a run by resource name. */
type Buffers = Record<string, GPUBuffer>;

/** Why the case cannot run on a device, if it cannot. */
export function obstacle({ adapterClass, softwareOnly }: KernelCase, device: Device): string | undefined {
  if (adapterClass === 'software-subgroups' && !device.gpu.features.has('subgroups'))
    return 'the adapter has no subgroups';
  if (softwareOnly && device.adapterClass === 'gpu') return 'it holds what was measured on software adapters';
  return undefined;
}

/** Runs `kernelCase` and compares everything it expects. Nothing stays allocated. */
export async function runCase(device: Device, kernelCase: KernelCase): Promise<CaseReport> {
  const graph = new CaseGraph();
  kernelCase.build(graph);
  const plan = planCase(kernelCase, graph);
  const failures = labelFailures(graph, plan);
  let worst = 0;
  const buffers = createResources(device, graph);
  const executable = await Executable.create(device, plan, { resources: buffers, guard: true });
  try {
    const first = await runOnce(device, executable, graph, buffers);
    const second = await runOnce(device, executable, graph, buffers);
    for (const [index, check] of graph.checks.entries()) {
      const failure =
        describeMismatch(check, first[index]!) ?? describeChange(check, first[index]!, second[index]!);
      if (failure) failures.push(failure);
      worst = excessOf(check, first[index]!).reduce((a, b) => Math.max(a, b), worst);
    }
    const damaged = await executable.damagedGuards();
    if (damaged.length > 0) failures.push(`a kernel wrote behind the end of slot ${damaged.join(', ')}`);
    device.check();
  } finally {
    executable.destroy();
    for (const buffer of Object.values(buffers)) device.destroyBuffer(buffer);
  }
  const compared = graph.checks.reduce((total, { expected }) => total + expected.length, 0);
  return {
    failures: failures.map((text) => `[${kernelCase.name}] ${text}`),
    compared,
    worst,
  };
}

/** The plan of a case as it is tested: no two tensors share a buffer. */
export function planCase({ name, adapterClass, tuning }: KernelCase, graph: CaseGraph): Plan {
  const { outputs, parameters, state, gradients, update, averages } = graph;
  return makePlan(
    {
      label: name,
      outputs,
      reuse: false,
      ...(parameters && { parameters }),
      ...(state && { state }),
      ...(gradients && { gradients }),
      ...(update && { update }),
      ...(averages && { averages }),
    },
    adapterClass,
    tuning,
  );
}

function labelFailures({ labels, absent }: CaseGraph, plan: Plan): string[] {
  const planned = plan.dispatches.map(({ label }) => label);
  const failures: string[] = [];
  if (labels && labels.join() !== planned.join())
    failures.push(`the plan dispatches ${planned.join(', ')}; expected ${labels.join(', ')}`);
  const left = planned.filter((label) => absent.includes(label.split('/').at(-1)!));
  if (left.length > 0)
    failures.push(
      `the plan dispatches ${left.join(', ')} of ${planned.join(', ')}; expected them to be fused`,
    );
  return failures;
}

function createResources(device: Device, graph: CaseGraph): Buffers {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return Object.fromEntries(
    Array.from(graph.resources, ([name, { byteLength }]) => [
      name,
      device.createBuffer(`case/${name}`, byteLength, usage),
    ]),
  );
}

/** All steps of the case from its initial state; the words of every check after the last one. */
async function runOnce(
  device: Device,
  executable: Executable,
  graph: CaseGraph,
  buffers: Buffers,
): Promise<Uint32Array[]> {
  for (const [name, contents] of graph.resources)
    device.gpu.queue.writeBuffer(buffers[name]!, 0, contents as Float32Array<ArrayBuffer>);
  for (const [name, { values }] of graph.inputs) {
    if (executable.plan.inputs.has(name)) executable.write(name, Float32Array.from(values));
  }
  const scheduler = new Scheduler(device);
  for (const step of graph.steps) await scheduler.run(executable, step);
  const results: Uint32Array[] = [];
  for (const { name, source, expected } of graph.checks) {
    const read =
      source === 'output'
        ? (await executable.read(name)).buffer
        : await readBuffer(device, buffers[name]!, 0, 4 * expected.length);
    results.push(new Uint32Array(read));
  }
  await scheduler.idle();
  return results;
}

/** Elements shown on each side of the one that is wrong. */
const NEIGHBOURS = 2;

/** The worst element outside its tolerance with its neighbours, or undefined when all are inside. */
export function describeMismatch(check: Check, words: Uint32Array): string | undefined {
  const { name, shape, expected, allowed } = check;
  const excess = excessOf(check, words);
  const wrong = excess.filter((value) => value > 1).length;
  if (wrong === 0) return undefined;
  const actual = numbersOf(check, words);
  const worst = excess.indexOf(excess.reduce((a, b) => Math.max(a, b)));
  const first = Math.max(0, worst - NEIGHBOURS);
  const around = Array.from({ length: 2 * NEIGHBOURS + 1 }, (_, i) => first + i)
    .filter((index) => index < expected.length)
    .map((index) => describeElement(check, actual, index, index === worst ? '>' : ' '));
  return [
    `${name}${coordinates(worst, shape)} is ${actual[worst]}; expected ${expected[worst]} within ${show(allowed[worst]!)}; ` +
      `${wrong} of ${expected.length} elements of f32[${shape.join(', ')}] are outside their tolerance`,
    ...around,
  ].join('\n');
}

/** Every element's error in units of its tolerance; infinite for NaN and for any error where none is allowed. */
function excessOf(check: Check, words: Uint32Array): Float64Array {
  const actual = numbersOf(check, words);
  return check.expected.map((value, i) => {
    const error = Math.abs(actual[i]! - value);
    const excess = error === 0 ? 0 : error / check.allowed[i]!;
    return Number.isNaN(excess) ? Infinity : excess;
  });
}

function numbersOf({ words: kind }: Check, words: Uint32Array): Float32Array | Uint32Array {
  return kind === 'u32' ? words : new Float32Array(words.buffer, words.byteOffset, words.length);
}

function describeElement(
  { name, shape, expected, allowed }: Check,
  actual: ArrayLike<number>,
  index: number,
  mark: string,
): string {
  const error = Math.abs(actual[index]! - expected[index]!);
  return (
    `  ${mark} ${name}${coordinates(index, shape)} actual ${actual[index]}, expected ${expected[index]}, ` +
    `error ${show(error)}, bound ${show(allowed[index]!)}`
  );
}

function describeChange({ name, shape }: Check, first: Uint32Array, second: Uint32Array): string | undefined {
  const changed = first.findIndex((word, index) => word !== second[index]);
  if (changed < 0) return undefined;
  const bits = (words: Uint32Array): string => `0x${words[changed]!.toString(16)}`;
  return `${name}${coordinates(changed, shape)} had the bits ${bits(first)} in one run and ${bits(second)} in the next`;
}

/** `[3, 1]` of a flat index. */
function coordinates(index: number, shape: readonly number[]): string {
  let rest = index;
  const indices = shape.toReversed().map((size) => {
    const coordinate = rest % size;
    rest = Math.floor(rest / size);
    return coordinate;
  });
  return `[${indices.toReversed().join(', ')}]`;
}

function show(value: number): string {
  return value.toPrecision(3);
}
