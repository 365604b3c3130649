/**
 * Whether an op's backward rule is the derivative of its forward: the gradient of <w, f(x)> with random w, as the device
 * computes it, against differences of f on the same device. f is evaluated in float32 and contracted in float64, so the
 * allowance is derived from both errors of the differences: what rounding can change, and what the step leaves out.
 */
import { GradientError, ShapeError } from './errors.js';
import type { Device } from './device.js';
import { Executable, type StepValues } from './executable.js';
import { gradient } from './gradient.js';
import type { Tensor } from './graph.js';
import { add, multiply } from './ops/binary.js';
import { input } from './ops/constant.js';
import { sum } from './ops/sum.js';
import { makePlan } from './plan.js';
import { Scheduler } from './scheduler.js';
import { elementCount, type Shape } from './shape.js';
import { standardNormal } from './threefry.js';

/** At which numbers gradients are checked, and how finely. */
export interface CheckGradientsOptions {
  /** Numbers of an input, row by row, instead of standard normal ones; ops with kinks want them away from those. */
  readonly values?: Readonly<Record<string, ArrayLike<number>>>;
  /** Inputs whose gradient is not asked for, because the op has none for them. */
  readonly fixed?: readonly string[];
  /** Elements of each input that are varied, spread evenly; 64 by default. */
  readonly elements?: number;
  /** Step of the differences, 2^-7 by default; inputs must be 4 steps away from kinks. */
  readonly step?: number;
  /** What ops read from the step block, such as `row_count` and `seed`. */
  readonly stepValues?: StepValues;
  readonly seed?: number;
}

/** What a check of gradients found. */
export interface GradientReport {
  /** Elements of gradients that were compared. */
  readonly compared: number;
  /** The largest error as a share of what is allowed: at most 1. */
  readonly worst: number;
}

const DEFAULT_STEP = 2 ** -7;
const DEFAULT_ELEMENTS = 64;
/** Relative error of an output that is taken for rounding: 16 units in the last place of float32. */
const ROUNDING = 16 * 2 ** -24;
/** Relative error that a correct gradient itself may have, of the largest of its tensor. */
const GRADIENT_ROUNDING = 1e-5;

/**
 * Checks the gradients of `build` at random numbers, or at `options.values`.
 *
 *     await checkGradients(device, { x: [3, 5] }, ({ x }) => [softsign(x)]);
 *
 * @param inputs shape of each input by name, f32
 * @param build the graph: one tensor or more of the inputs, differentiable by each that is not fixed
 * @throws GradientError naming the worst element, its gradient and the differences, or when all inputs are fixed; ShapeError
 *   for values of another length or of no input; ShapeError and ShaderError of the graph
 */
export async function checkGradients<N extends string>(
  device: Device,
  inputs: Readonly<Record<N, Shape>>,
  build: (tensors: Readonly<Record<N, Tensor>>) => readonly Tensor[],
  options: CheckGradientsOptions = {},
): Promise<GradientReport> {
  const { fixed = [], elements = DEFAULT_ELEMENTS } = options;
  const probe = await Probe.create(device, inputs, build, options);
  try {
    const names = Object.keys(inputs).filter((name) => !fixed.includes(name));
    const gradients = await probe.gradients(names);
    const found: Comparison[] = [];
    for (const [index, name] of names.entries()) {
      const actual = gradients[index]!;
      const largest = actual.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const odd = actual.findIndex((value) => !Number.isFinite(value));
      for (const element of new Set([...(odd < 0 ? [] : [odd]), ...spread(actual.length, elements)])) {
        const { slope, error } = await probe.difference(name, element);
        const allowed = error + GRADIENT_ROUNDING * Math.max(largest, Math.abs(slope));
        found.push({ name, element, actual: actual[element]!, slope, allowed });
      }
    }
    return reportOf(found);
  } finally {
    probe.destroy();
  }
}

interface Comparison {
  readonly name: string;
  readonly element: number;
  readonly actual: number;
  readonly slope: number;
  readonly allowed: number;
}

function reportOf(found: readonly Comparison[]): GradientReport {
  const share = ({ actual, slope, allowed }: Comparison): number => {
    const error = Math.abs(actual - slope);
    return error === 0 ? 0 : error / allowed >= 0 ? error / allowed : Infinity; // NaN in either: infinitely far
  };
  const [first] = found;
  if (!first)
    throw new GradientError('checkGradients', 'has no gradient to compare; leave an input out of fixed');
  const worst = found.reduce((a, b) => (share(b) > share(a) ? b : a), first);
  const wrong = found.filter((comparison) => share(comparison) > 1);
  if (wrong.length > 0)
    throw new GradientError(
      'checkGradients',
      `the gradient of ${worst.name} at element ${worst.element} is ${worst.actual}; differences give ${worst.slope} within ` +
        `${worst.allowed.toPrecision(2)}; ${wrong.length} of ${found.length} elements are wrong (${listed(wrong)}); mend the ` +
        'backward rule, or pass values away from kinks',
    );
  return { compared: found.length, worst: share(worst) };
}

function listed(wrong: readonly Comparison[]): string {
  const shown = wrong.slice(0, 5).map(({ name, element }) => `${name} ${element}`);
  return [...shown, ...(wrong.length > 5 ? ['...'] : [])].join(', ');
}

/** At most `most` element numbers, spread over all. */
function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}

/** The graph on the device, with the numbers it is given. */
class Probe {
  readonly #scheduler: Scheduler;

  private constructor(
    readonly device: Device,
    readonly forward: Executable,
    readonly backward: Executable,
    readonly values: ReadonlyMap<string, Float32Array>,
    readonly weights: readonly Float32Array[],
    readonly options: CheckGradientsOptions,
  ) {
    this.#scheduler = new Scheduler(device);
  }

  static async create<N extends string>(
    device: Device,
    inputs: Readonly<Record<N, Shape>>,
    build: (tensors: Readonly<Record<N, Tensor>>) => readonly Tensor[],
    options: CheckGradientsOptions,
  ): Promise<Probe> {
    const { fixed = [], seed = 0 } = options;
    const shapes = Object.entries<Shape>(inputs);
    const unknown = [...fixed, ...Object.keys(options.values ?? {})].find(
      (name) => !Object.hasOwn(inputs, name),
    );
    if (unknown !== undefined)
      throw new ShapeError(
        'checkGradients',
        `has no input '${unknown}'; it has ${Object.keys(inputs).join(', ')}`,
      );
    const tensors = Object.fromEntries(shapes.map(([name, shape]) => [name, input(name, shape)])) as Record<
      N,
      Tensor
    >;
    const values = new Map(
      shapes.map(([name, shape], index) => [name, numbersOf(name, shape, options, seed, index)]),
    );
    const outputs = build(tensors);
    const weights = outputs.map(({ shape }, i) => standardNormal(elementCount(shape), seed, 1000 + i));
    weights.forEach((weight, i) => values.set(`weight ${i}`, weight));
    const loss = outputs
      .map((y, i) => sum(multiply(y, input(`weight ${i}`, y.shape))))
      .reduce((total, term) => add(total, term));
    const targets = shapes.filter(([name]) => !fixed.includes(name)).map(([name]) => name as N);
    const gradients = gradient(
      loss,
      targets.map((name) => tensors[name]),
    );
    const compile = (label: string, named: readonly (readonly [string, Tensor])[]): Promise<Executable> =>
      Executable.create(device, makePlan({ label, outputs: Object.fromEntries(named) }, device.adapterClass));
    const forward = await compile(
      'check forward',
      outputs.map((y, i) => [`${i}`, y] as const),
    );
    try {
      const named = gradients.map((tensor, i) => [targets[i]!, tensor] as const);
      const backward = await compile('check gradients', named);
      return new Probe(device, forward, backward, values, weights, options);
    } catch (error) {
      forward.destroy();
      throw error;
    }
  }

  /** The device's gradients of <w, f(x)>, by input. */
  async gradients(names: readonly string[]): Promise<Float32Array[]> {
    await this.#run(this.backward);
    return Promise.all(names.map((name) => this.backward.read(name)));
  }

  /** The slope of <w, f(x)> along one element, by differences of orders 4 and 2, and how wrong it may be. */
  async difference(name: string, element: number): Promise<{ slope: number; error: number }> {
    const { step = DEFAULT_STEP } = this.options;
    const near = await this.#central(name, element, step);
    const far = await this.#central(name, element, 2 * step);
    const farthest = await this.#central(name, element, 4 * step);
    const slope = (4 * near.slope - far.slope) / 3;
    const coarse = (4 * far.slope - farthest.slope) / 3;
    return { slope, error: Math.abs(slope - coarse) + (4 * near.rounding + far.rounding) / 3 };
  }

  /** (F(x + h) - F(x - h)) / 2h with F = <w, f>, and what rounding of the outputs that changed may add. */
  async #central(name: string, element: number, step: number): Promise<{ slope: number; rounding: number }> {
    const values = this.values.get(name)!;
    const centre = values[element]!;
    const at = async (value: number): Promise<readonly Float32Array[]> => {
      values[element] = value;
      const outputs = await this.#outputs();
      values[element] = centre;
      return outputs;
    };
    const [high, low] = [Math.fround(centre + step), Math.fround(centre - step)];
    const above = await at(high);
    const below = await at(low);
    let difference = 0;
    let rounding = 0;
    this.weights.forEach((weight, i) =>
      weight.forEach((w, j) => {
        const [a, b] = [above[i]![j]!, below[i]![j]!];
        difference += w * (a - b);
        if (a !== b) rounding += Math.abs(w) * (Math.abs(a) + Math.abs(b)) * ROUNDING;
      }),
    );
    return { slope: difference / (high - low), rounding: rounding / (high - low) };
  }

  async #outputs(): Promise<readonly Float32Array[]> {
    await this.#run(this.forward);
    return Promise.all(this.weights.map((_, i) => this.forward.read(`${i}`)));
  }

  async #run(executable: Executable): Promise<void> {
    for (const [name, numbers] of this.values)
      if (executable.plan.inputs.has(name)) executable.write(name, numbers);
    await this.#scheduler.run(executable, this.options.stepValues ?? {});
    await this.#scheduler.idle();
  }

  destroy(): void {
    this.forward.destroy();
    this.backward.destroy();
  }
}

function numbersOf(
  name: string,
  shape: Shape,
  { values }: CheckGradientsOptions,
  seed: number,
  stream: number,
): Float32Array {
  const given = values?.[name];
  if (!given) return standardNormal(elementCount(shape), seed, stream);
  if (given.length !== elementCount(shape))
    throw new ShapeError(
      'checkGradients',
      `values of ${name} are ${given.length} numbers; expected ${elementCount(shape)} for [${shape.join(', ')}]`,
    );
  return Float32Array.from(given);
}
