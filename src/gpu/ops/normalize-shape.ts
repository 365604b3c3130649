/**
 * What the normalizations have in common: a tensor seen as [outer, positions, groups, width], each group of
 * positions x width numbers normalized on its own, and the lanes that work on a group.
 */
import { isSoftware, rowGrid, type AdapterClass, type Workgroups } from '../dispatch.js';
import { ShapeError, SpecError } from '../errors.js';
import { ceilDivide, describeShape, elementCount, type Shape } from '../shape.js';
import type { Activation } from './activation.js';

/** BatchNorm's own: statistics of the batch (training) or the running ones. */
export interface BatchStatistics {
  readonly training: boolean;
  readonly momentum: number;
  /** Rows of a batch; x has a multiple of them, sample-major. Rows from the step's row_count on are padding. */
  readonly batch: number;
}

export interface NormalizeAttributes {
  readonly kind: 'groupNorm' | 'layerNorm' | 'batchNorm';
  readonly groups: number;
  readonly epsilon: number;
  /** Joined to the normalization by the planner. */
  readonly activation?: Activation;
  readonly statistics?: BatchStatistics;
}

export interface GroupView {
  readonly outer: number;
  readonly positions: number;
  readonly groups: number;
  readonly width: number;
}

/** f32[B, ..., C] as [outer, positions, groups, width]. @throws ShapeError, SpecError */
export function groupView(x: Shape, { kind, groups }: NormalizeAttributes): GroupView {
  if (x.length < 2)
    throw new ShapeError(
      kind,
      `input is ${describeShape(x)}; expected f32[B, ..., C] of 2 to 4 axes; reshape it`,
    );
  const channels = x.at(-1)!;
  const all = elementCount(x) / channels;
  if (kind === 'layerNorm') return { outer: all, positions: 1, groups: 1, width: channels };
  if (kind === 'batchNorm') return { outer: 1, positions: all, groups: channels, width: 1 };
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new SpecError(
      kind,
      `groups is ${groups}; input is ${describeShape(x)}; choose a divisor of its ${channels} channels`,
    );
  return { outer: x[0]!, positions: all / x[0]!, groups, width: channels / groups };
}

/** Numbers that a lane of a GPU should find in its group before another lane is worth its part of the sum. */
const NUMBERS_PER_LANE = 8;
const SMALLEST_WORKGROUP = 64;
const LARGEST_WORKGROUP = 256;
/** Groups from which software adapters give each one invocation, which needs no barrier. */
const MANY_GROUPS = 16;

export interface GroupLanes {
  readonly overrides: {
    readonly WORKGROUP: number;
    readonly COLUMNS: number;
    readonly POSITION_LANES: number;
    readonly WIDTH_LANES: number;
  };
  readonly workgroups: Workgroups;
}

/** How a workgroup's lanes share out groups, positions and columns (shaders/lib/normalize_group.wgsl). */
export function groupLanes(view: GroupView, adapterClass: AdapterClass): GroupLanes {
  const { outer, positions, groups, width } = view;
  const count = outer * groups;
  const software = isSoftware(adapterClass);
  const useful = powerOfTwo((positions * width) / NUMBERS_PER_LANE);
  const lanes = software ? (count < MANY_GROUPS ? 4 : 1) : Math.min(useful, LARGEST_WORKGROUP);
  const workgroup = Math.max(lanes, software ? 4 : SMALLEST_WORKGROUP);
  const widthLanes = Math.min(lanes, powerOfTwo(width));
  const columns = workgroup / lanes;
  return {
    overrides: {
      WORKGROUP: workgroup,
      COLUMNS: columns,
      POSITION_LANES: lanes / widthLanes,
      WIDTH_LANES: widthLanes,
    },
    workgroups: rowGrid(ceilDivide(count, columns)),
  };
}

/** The smallest power of two that is not less than `value`. */
function powerOfTwo(value: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(value)));
}

/** Which rows count: all of them, or in training those of the batch, of one sample or of several. */
export function rowOverrides(
  x: Shape,
  { statistics }: NormalizeAttributes,
): { MASKED: boolean; REPEATED: boolean } {
  const { training = false, batch } = statistics ?? {};
  return { MASKED: training, REPEATED: training && batch !== x[0] };
}

/** Uniforms of both group kernels. */
export function groupParameters(
  x: Shape,
  { epsilon, statistics }: NormalizeAttributes,
  { outer, positions, groups, width }: GroupView,
): Record<
  'count' | 'positions' | 'groups' | 'width' | 'batch_positions' | 'row_positions' | 'epsilon' | 'momentum',
  number
> {
  const row_positions = (outer * positions) / x[0]!;
  const { batch = 0, momentum = 0 } = statistics ?? {};
  const batch_positions = batch * row_positions;
  return {
    count: outer * groups,
    positions,
    groups,
    width,
    batch_positions,
    row_positions,
    epsilon,
    momentum,
  };
}
