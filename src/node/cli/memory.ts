/** What a training plan occupies on the GPU, class by class, against a buffer for every tensor. */
import type { Plan } from '../../gpu/plan.js';
import { elementCount } from '../../gpu/shape.js';
import { formatQuantity, formatTable } from './format.js';

export interface MemoryClass {
  readonly name: string;
  readonly byteLength: number;
  /** With a buffer for every tensor. */
  readonly withoutReuse: number;
}

/** Elements of the flat buffers that the plan's caller owns. */
export interface FlatLengths {
  readonly weights: number;
  readonly state: number;
}

/** Bytes of a dispatch's parameters: uniform offsets are multiples of this on every device. */
const PARAMETER_BYTES = 256;

/** The classes of a training plan; what is not in it: the data set, the ring of terms, placeholders. */
export function memoryOf(plan: Plan, { weights, state }: FlatLengths): MemoryClass[] {
  const tensors = writtenTensors(plan);
  const slots = plan.slotByteLengths;
  return [
    same('weights', 4 * weights),
    same('gradients', 4 * weights),
    same('moments', 4 * weights * momentCount(plan)),
    same('state', 4 * state),
    {
      name: `activations: ${tensors.length} tensors in ${slots.length} slots`,
      byteLength: sum(slots),
      withoutReuse: sum(tensors),
    },
    same('inputs', 4 * sum([...plan.inputs.values()].map(elementCount))),
    same('constants', 4 * sum(plan.constants.map((constant) => constant.elementCount))),
    same('uniforms', PARAMETER_BYTES * plan.dispatches.length),
  ];
}

function same(name: string, byteLength: number): MemoryClass {
  return { name, byteLength, withoutReuse: byteLength };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Flat buffers that the optimizer keeps. */
function momentCount({ dispatches }: Plan): number {
  const places = dispatches.flatMap(({ locations }) => Object.values(locations));
  const names = places.flatMap((place) => (place.kind === 'resource' ? [place.name] : []));
  return new Set(names.filter((name) => name.startsWith('moment'))).size;
}

/** Bytes of every tensor that lives in a slot. */
function writtenTensors({ dispatches }: Plan): number[] {
  return dispatches.flatMap(({ dispatch, locations }) =>
    dispatch.kernel.bindings.flatMap(({ name, type }) => {
      const location = locations[name];
      return type === 'storage' && location?.kind === 'slot' ? [location.byteLength] : [];
    }),
  );
}

/** A table of the classes that there are, and the peak; everything is allocated before the first step. */
export function formatMemory(classes: readonly MemoryClass[]): string {
  const total = (of: (memory: MemoryClass) => number): number =>
    classes.reduce((bytes, memory) => bytes + of(memory), 0);
  const peak = total(({ byteLength }) => byteLength);
  const alone = total(({ withoutReuse }) => withoutReuse);
  const rows = [...classes, { name: 'peak', byteLength: peak, withoutReuse: alone }]
    .filter(({ byteLength }) => byteLength > 0)
    .map(({ name, byteLength, withoutReuse }) => [
      name,
      formatQuantity(byteLength, 'B'),
      formatQuantity(withoutReuse, 'B'),
    ]);
  const table = formatTable([['GPU memory', 'plan', 'without reuse'], ...rows], new Set([1, 2]));
  return `${table}\npeak: ${peak} of ${alone} bytes, ${((100 * peak) / alone).toFixed(1)} %`;
}
