/**
 * What every op that runs as a matrix product shares (matmul, convolutions and their gradients): the choice of a
 * kernel, the grid, the cut of a long inner axis, and the epilogue that the planner's fusion may add.
 */
import {
  elementGrid,
  dispatch,
  MAX_WORKGROUPS,
  type Dispatch,
  type DispatchContext,
  type Operand,
  type Workgroups,
} from '../dispatch.js';
import { ShapeError } from '../errors.js';
import type { Cost, Step, Tensor } from '../graph.js';
import { alignUp, ceilDivide, elementCount } from '../shape.js';
import { activationCodes, type Activation } from './activation.js';
import { chooseVariant, splitCount, type ProductVariant, type Skeleton } from './product-variants.js';
import { sumDispatches } from './sum.js';

/** Set by the planner's fusion only; a step's inputs grow to [a, b, bias?, saved?], its outputs to [y, columnSum?]. */
export interface Epilogue {
  readonly bias?: boolean;
  readonly activation?: Activation;
  /** multiply by this activation's derivative at `saved` */
  readonly derivative?: Activation;
  /** also sum the rows of b */
  readonly columnSum?: boolean;
}

/** op(a)[rows, inner] op(b)[inner, columns], `phases` times side by side. */
export interface ProductShape {
  /** Whose kernels compute it. */
  readonly family: 'matmul' | 'conv' | 'conv_weight';
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly phases?: number;
  /** True when all loads and stores can be vec4. */
  readonly aligned: boolean;
  /** Where they cannot: which of them are four elements side by side all the same. */
  readonly whole?: Whole;
  /** False when the product cannot be added up from pieces of the inner axis. */
  readonly splittable?: boolean;
}

/** Four neighbours, at a multiple of 4, that lie side by side in memory. */
export interface Whole {
  /** On the inner axis, in the operands. */
  readonly inner: boolean;
  /** Of the columns, in b. */
  readonly columns: boolean;
  /** Of the columns, in the product. */
  readonly store: boolean;
}

/** Everything of a product's dispatch but what its family adds. */
export interface ProductPart {
  readonly skeleton: Skeleton;
  readonly bindings: Readonly<Record<'a' | 'b' | 'bias' | 'saved' | 'product' | 'column_sum', Operand>>;
  readonly overrides: Readonly<Record<string, number | boolean>>;
  readonly splitLength: number;
  readonly splits: number;
  readonly workgroups: Workgroups;
  readonly cost: Cost;
}

/** The dispatches of a step that is a product; `build` adds what its family of kernels needs. */
export function productDispatches(
  step: Step<{ readonly fused?: Epilogue }>,
  shape: ProductShape,
  context: DispatchContext,
  build: (part: ProductPart) => Dispatch,
): Dispatch[] {
  const variant = chooseVariant(context, shape);
  const splits = splitCount(context.adapterClass, variant, shape);
  const [product, columnSum] = step.outputs as [Tensor, Tensor | undefined];
  if (splits === 1)
    return [
      build(productPart(step, shape, variant, { length: alignUp(shape.inner, 4), product, columnSum })),
    ];

  const length = alignUp(ceilDivide(shape.inner, splits), 4);
  const pieces = ceilDivide(shape.inner, length);
  const partials = context.temporary([pieces, elementCount(product.shape)]);
  const columnPartials = columnSum && context.temporary([pieces, shape.columns]);
  return [
    build(
      productPart(step, shape, variant, { length, product: partials, columnSum: columnPartials, pieces }),
    ),
    finishDispatch(step, shape.columns, partials, pieces),
    ...(columnSum && columnPartials
      ? sumDispatches(columnPartials, columnSum, 1, pieces, shape.columns, context)
      : []),
  ];
}

interface Destination {
  readonly length: number;
  readonly product: Tensor;
  readonly columnSum: Tensor | undefined;
  /** Set when the pieces of a cut inner axis are written; a sum finishes them. */
  readonly pieces?: number;
}

function productPart(
  step: Step<{ readonly fused?: Epilogue }>,
  shape: ProductShape,
  variant: ProductVariant,
  { length, product, columnSum, pieces }: Destination,
): ProductPart {
  const { fused = {} } = step.attributes;
  const { bias, saved } = pieces === undefined ? epilogueOperands(step) : {};
  return {
    skeleton: variant.skeleton,
    bindings: {
      a: step.inputs[0]!,
      b: step.inputs[1]!,
      bias: bias ?? 'unused',
      saved: saved ?? 'unused',
      product,
      column_sum: columnSum ?? 'unused',
    },
    overrides: {
      ...variant.overrides,
      COLUMN_SUM: columnSum !== undefined,
      // the other kernels are chosen where both hold
      ...(variant.skeleton.endsWith('_any') && {
        WHOLE_INNER: shape.whole?.inner ?? false,
        WHOLE_COLUMNS: shape.whole?.columns ?? false,
        WHOLE_STORE: shape.whole?.store ?? false,
      }),
      ...(pieces === undefined ? epilogueOverrides(fused) : {}),
    },
    splitLength: length,
    splits: pieces ?? 1,
    workgroups: productGrid(step.label, shape, variant, pieces ?? 1),
    cost: step.op.cost(step),
  };
}

/** Column tiles along x, row tiles along y; more row tiles than an axis holds go on in further blocks along x. */
function productGrid(
  label: string,
  shape: ProductShape,
  variant: ProductVariant,
  pieces: number,
): Workgroups {
  const columns = ceilDivide(shape.columns, variant.tileColumns);
  const rows = ceilDivide(shape.rows, variant.tileRows);
  const blocks = ceilDivide(rows, MAX_WORKGROUPS);
  const grid: Workgroups = [columns * blocks, ceilDivide(rows, blocks), pieces * (shape.phases ?? 1)];
  if (grid.some((size) => size > MAX_WORKGROUPS))
    throw new ShapeError(
      label,
      `its product of ${shape.rows} x ${shape.columns} needs ${grid.join(' x ')} workgroups; an axis holds ${MAX_WORKGROUPS}; use smaller batches`,
    );
  return grid;
}

/** Adds the pieces in order and applies the epilogue. */
function finishDispatch(
  step: Step<{ readonly fused?: Epilogue }>,
  columns: number,
  partials: Tensor,
  pieces: number,
): Dispatch {
  const { bias, saved } = epilogueOperands(step);
  const product = step.outputs[0]!;
  const count = elementCount(product.shape);
  return dispatch('sum', {
    bindings: { x: partials, bias: bias ?? 'unused', saved: saved ?? 'unused', y: product },
    overrides: epilogueOverrides(step.attributes.fused ?? {}),
    parameters: { outer: 1, reduced: pieces, inner: count, piece: pieces, columns },
    workgroups: elementGrid(count),
    cost: { flops: pieces * count, bytesRead: 4 * pieces * count, bytesWritten: 4 * count },
  });
}

function epilogueOverrides({ bias = false, activation = 'identity', derivative = 'identity' }: Epilogue): {
  HAS_BIAS: boolean;
  ACTIVATION: number;
  DERIVATIVE: number;
} {
  return { HAS_BIAS: bias, ACTIVATION: activationCodes[activation], DERIVATIVE: activationCodes[derivative] };
}

/** bias and saved among the inputs of a fused step. */
function epilogueOperands(step: Step<{ readonly fused?: Epilogue }>): { bias?: Tensor; saved?: Tensor } {
  const { bias, derivative } = step.attributes.fused ?? {};
  const rest = step.inputs.slice(2);
  const operands: { bias?: Tensor; saved?: Tensor } = {};
  if (bias) operands.bias = rest.shift()!;
  if (derivative) operands.saved = rest.shift()!;
  return operands;
}
