/**
 * Fusion: rewrites the steps of a graph into fewer that compute the same tensors. Only rules whose fused
 * kernel is tested against the separate ops belong here. A fused step keeps the tensors of the chain's end,
 * so nothing else in the graph changes.
 */
import type { OpDefinition, Step, Tensor } from './graph.js';
import { binaryOp, type BinaryAttributes } from './ops/binary.js';
import { activationCodes, type Activation } from './ops/activation.js';
import { convOp, type ConvAttributes, type ConvFusion } from './ops/conv.js';
import { depthToSpaceOp, type DepthToSpaceAttributes } from './ops/depth-to-space.js';
import { likelihoodGradientOp, likelihoodOp, type LikelihoodAttributes } from './ops/likelihood.js';
import { matmulOp, type MatmulAttributes } from './ops/matmul.js';
import { normalizeOp } from './ops/normalize.js';
import type { NormalizeAttributes } from './ops/normalize-shape.js';
import type { Epilogue } from './ops/product.js';
import { sumOp, type SumAttributes } from './ops/sum.js';
import { unaryOp, type UnaryFunction } from './ops/unary.js';
import { upsampleOp, type UpsampleAttributes } from './ops/upsample.js';
import { elementCount } from './shape.js';

/** Fuses `steps` (in topological order); tensors in `wanted` must still be written. Returns them ordered. */
export function fuse(steps: readonly Step[], wanted: ReadonlySet<Tensor>): Step[] {
  const pool = new StepPool(steps, wanted);
  for (const step of steps) {
    if (is(step, matmulOp) || (is(step, convOp) && step.attributes.form !== 'weight'))
      fuseEpilogue(pool, step);
  }
  for (const step of pool.steps) {
    if (is(step, sumOp)) fuseColumnSum(pool, step);
    if (is(step, likelihoodGradientOp)) fuseLikelihood(pool, step);
    if (is(step, normalizeOp)) fuseActivation(pool, step);
  }
  for (const step of pool.steps) {
    if (is(step, depthToSpaceOp) && step.attributes.to === 'depth') fuseShuffleLoad(pool, step);
    if (is(step, upsampleOp)) fuseUpsampleLoad(pool, step);
  }
  return pool.ordered();
}

function is<A>(step: Step, op: OpDefinition<A>): step is Step<A> & Step {
  return step.op === (op as OpDefinition<unknown>);
}

/** The steps that are left, with who makes and who reads each tensor. */
class StepPool {
  #steps: Step[];
  readonly #wanted: ReadonlySet<Tensor>;

  constructor(steps: readonly Step[], wanted: ReadonlySet<Tensor>) {
    this.#steps = [...steps];
    this.#wanted = wanted;
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  has(step: Step): boolean {
    return this.#steps.includes(step);
  }

  /** The one step that reads `tensor`, if nothing else needs it. */
  soleReader(tensor: Tensor): Step | undefined {
    if (this.#wanted.has(tensor)) return undefined;
    const readers = this.readers(tensor);
    const [reader] = readers;
    return readers.length === 1 && reader!.inputs.filter((input) => sameStorage(input, tensor)).length === 1
      ? reader
      : undefined;
  }

  readers(tensor: Tensor): Step[] {
    return this.#steps.filter((step) => step.inputs.some((input) => sameStorage(input, tensor)));
  }

  isWanted(tensor: Tensor): boolean {
    return this.#wanted.has(tensor);
  }

  producer(tensor: Tensor): Step | undefined {
    return this.#steps.find((step) => step.outputs.some((output) => sameStorage(output, tensor)));
  }

  /** True when computing `tensor` needs `step`. */
  dependsOn(tensor: Tensor, step: Step, seen: Set<Step> = new Set()): boolean {
    const producer = this.producer(tensor);
    if (!producer || seen.has(producer)) return false;
    seen.add(producer); // or a chain of residual blocks would be walked once for every way through it
    return producer === step || producer.inputs.some((input) => this.dependsOn(input, step, seen));
  }

  /** Puts `fused` where the last of `parts` stood. */
  replace(parts: readonly Step[], fused: Step): void {
    const last = Math.max(...parts.map((part) => this.#steps.indexOf(part)));
    this.#steps[last] = fused;
    this.#steps = this.#steps.filter((step) => step === fused || !parts.includes(step));
  }

  /** Topological order that keeps the present order where it can. */
  ordered(): Step[] {
    const order: Step[] = [];
    const visited = new Set<Step>();
    const visit = (step: Step): void => {
      if (visited.has(step)) return;
      visited.add(step);
      for (const input of step.inputs) {
        const producer = this.producer(input);
        if (producer) visit(producer);
      }
      order.push(step);
    };
    for (const step of this.#steps) visit(step);
    return order;
  }
}

/** The tensor whose memory `tensor` is a view of. */
export function storageOf(tensor: Tensor): Tensor {
  return tensor.node.op.name === 'reshape' ? storageOf(tensor.node.inputs[0]!) : tensor;
}

function sameStorage(a: Tensor, b: Tensor): boolean {
  return storageOf(a) === storageOf(b);
}

/** An op that runs as a product, with what its attributes may hold. */
type ProductStep = Step<MatmulAttributes | ConvAttributes>;

/** product [+ bias row] [depth to space] [then activation | times its derivative], each read by nothing else. */
function fuseEpilogue(pool: StepPool, step: Step): void {
  const parts: Step[] = [step];
  const inputs = [...step.inputs];
  let fusion: Epilogue & { shuffle?: number } = {};
  let product = step.outputs[0]!;
  let next = pool.soleReader(product);
  const take = (part: Step): void => {
    parts.push(part);
    product = part.outputs[0]!;
    next = pool.soleReader(product);
  };

  const bias = next && biasOf(next, product);
  if (next && bias) {
    fusion = { ...fusion, bias: true };
    inputs.push(bias);
    take(next);
  }
  const shuffle = next && shuffleOf(step, next, product);
  if (next && shuffle) {
    fusion = { ...fusion, shuffle };
    take(next);
  }
  const activation = next && activationOf(next);
  const saved = next && derivativeOperand(next, product);
  if (next && (activation || saved)) {
    fusion = activation
      ? { ...fusion, activation }
      : { ...fusion, derivative: (next.attributes as BinaryAttributes).activation };
    if (saved) inputs.push(saved);
    take(next);
  }
  if (parts.length === 1) return;
  const attributes = { ...(step as ProductStep).attributes, fused: fusion };
  const names = parts
    .slice(1)
    .map(({ op, attributes: a }) => (a as { function?: string }).function ?? op.name);
  pool.replace(parts, {
    ...step,
    attributes,
    inputs,
    outputs: [product],
    label: `${step.label}+${names.join('+')}`,
  });
}

/** r when `next` divides the channels of a convolution among r x r pixels. */
function shuffleOf(step: Step, next: Step, product: Tensor): number | undefined {
  const isForward = is(step, convOp) && step.attributes.form === 'output';
  return isForward && is(next, depthToSpaceOp) && next.attributes.to === 'space' && next.inputs[0] === product
    ? next.attributes.block
    : undefined;
}

/** Pixels gathered into channels for nothing but convolutions' gradients are read where they lie. */
function fuseShuffleLoad(pool: StepPool, gathering: Step<DepthToSpaceAttributes> & Step): void {
  fuseLoad(pool, gathering, { shuffle: gathering.attributes.block }, ({ form }) =>
    form === 'input' ? 0 : 1,
  );
}

/** Repeated pixels for nothing but convolutions are read where they lie, four channels at a time. */
function fuseUpsampleLoad(pool: StepPool, repeating: Step<UpsampleAttributes> & Step): void {
  if (repeating.outputs[0]!.shape[3]! % 4 !== 0) return;
  fuseLoad(pool, repeating, { upsample: repeating.attributes.factor }, () => 0);
}

/** Lets every reader of `moving` read its input instead, if all are convolutions with it as operand `position`. */
function fuseLoad(
  pool: StepPool,
  moving: Step,
  fusion: ConvFusion,
  position: (attributes: ConvAttributes) => number,
): void {
  const [source] = moving.inputs as [Tensor];
  const [moved] = moving.outputs as [Tensor];
  const readers = pool.readers(moved);
  const [key] = Object.keys(fusion) as [keyof ConvFusion];
  const fits = (reader: Step): boolean =>
    is(reader, convOp) &&
    reader.attributes.form !== (key === 'shuffle' ? 'output' : 'input') &&
    reader.attributes.fused?.[key] === undefined &&
    reader.inputs.every((input, index) => (index === position(reader.attributes)) === (input === moved));
  if (pool.isWanted(moved) || readers.length === 0 || !readers.every(fits)) return;
  for (const reader of readers as (Step<ConvAttributes> & Step)[]) {
    const inputs = reader.inputs.map((input) => (input === moved ? source : input));
    const attributes: ConvAttributes = {
      ...reader.attributes,
      fused: { ...reader.attributes.fused, ...fusion },
    };
    const label = `${reader.label}+${moving.op.name}`;
    pool.replace(reader === readers.at(-1) ? [moving, reader] : [reader], {
      ...reader,
      inputs,
      attributes,
      label,
    });
  }
}

/** The bias of `add(product, bias)` when it is one row wide. */
function biasOf(step: Step, product: Tensor): Tensor | undefined {
  if (!is(step, binaryOp) || step.attributes.function !== 'add' || !step.inputs.includes(product))
    return undefined;
  const bias = step.inputs.find((input) => input !== product);
  const columns = product.shape.at(-1)!;
  const isRow = bias?.shape.at(-1) === columns && elementCount(bias.shape) === columns;
  return isRow && elementCount(product.shape) !== columns ? bias : undefined;
}

function activationOf(step: Step): Activation | undefined {
  if (!is(step, unaryOp)) return undefined;
  const name: UnaryFunction = step.attributes.function;
  return Object.hasOwn(activationCodes, name) ? (name as Activation) : undefined;
}

/** The saved operand of `activationGradient(product, saved)`, both perhaps seen under another shape. */
function derivativeOperand(step: Step, product: Tensor): Tensor | undefined {
  if (!is(step, binaryOp) || step.attributes.function !== 'activationGradient') return undefined;
  const [cotangent, saved] = step.inputs as [Tensor, Tensor];
  return sameStorage(cotangent, product) && elementCount(saved.shape) === elementCount(product.shape)
    ? saved
    : undefined;
}

/** normalize, then an activation that alone reads its result. */
function fuseActivation(pool: StepPool, norm: Step<NormalizeAttributes> & Step): void {
  const [y, statistics] = norm.outputs as [Tensor, Tensor];
  const next = pool.soleReader(y);
  const activation = next && activationOf(next);
  if (!activation) return;
  const attributes: NormalizeAttributes = { ...norm.attributes, activation };
  const outputs = [next.outputs[0]!, statistics];
  pool.replace([norm, next], { ...norm, attributes, outputs, label: `${norm.label}+${activation}` });
}

/** sum of the rows of b rides along with a weight gradient: a layer's bias gradient. */
function fuseColumnSum(pool: StepPool, sum: Step<SumAttributes> & Step): void {
  const { outer, inner } = sum.attributes;
  const [rows] = sum.inputs as [Tensor];
  if (outer !== 1 || inner !== rows.shape.at(-1)) return;
  const partner = pool.steps.find(
    (step) =>
      ((is(step, matmulOp) && step.attributes.transposition === 'TN') ||
        (is(step, convOp) && step.attributes.form === 'weight')) &&
      step.inputs[1] === rows &&
      !(step as ProductStep).attributes.fused,
  );
  if (!partner) return;
  const attributes = { ...(partner as ProductStep).attributes, fused: { columnSum: true } };
  const outputs = [partner.outputs[0]!, sum.outputs[0]!];
  pool.replace([partner, sum], { ...partner, attributes, outputs, label: `${partner.label}+columnSum` });
}

/** A likelihood and its gradient from the same operands become one pass over the data. */
function fuseLikelihood(pool: StepPool, gradient: Step<LikelihoodAttributes> & Step): void {
  const cotangent = gradient.inputs[3]!;
  const value = pool.steps.find(
    (step) =>
      is(step, likelihoodOp) &&
      !step.attributes.fused && // a second gradient of the same likelihood stays a dispatch of its own
      step.inputs.every((input, index) => input === gradient.inputs[index]),
  );
  if (!value || pool.dependsOn(cotangent, value)) return;
  const attributes: LikelihoodAttributes = { ...gradient.attributes, fused: true };
  const outputs = [...value.outputs, ...gradient.outputs];
  const fused: Step = {
    ...value,
    attributes,
    inputs: gradient.inputs,
    outputs,
    label: `${value.label}+gradient`,
  };
  pool.replace([value, gradient], fused);
}
