/** What a device allows a plan to bind; asked before a buffer is made, because WebGPU refuses only at the bind group. */
import { DeviceError } from './errors.js';
import type { Operand } from './dispatch.js';
import type { Location, Plan } from './plan.js';
import { describeShape, elementCount } from './shape.js';

/** The limit that a plan meets first; 128 MiB on every device, more where the adapter offers it. */
export interface BindingLimits {
  readonly maxStorageBufferBindingSize: number;
}

const RAISE = 'or pass a device that was requested with a higher maxStorageBufferBindingSize';

type Resources = Readonly<Record<string, { readonly size: number }>>;

/** One binding of one dispatch. */
interface Binding {
  readonly label: string;
  readonly name: string;
  readonly operand: Operand;
  readonly byteLength: number;
  /** The resource that is bound as a whole. */
  readonly resource: string | undefined;
}

function bindingsOf({ dispatches }: Plan, resources: Resources): Binding[] {
  return dispatches.flatMap(({ label, dispatch, locations }) =>
    Object.entries(dispatch.bindings).map(([name, operand]) => {
      const resource = wholeResource(locations[name]);
      const byteLength =
        resource === undefined ? tensorByteLength(operand) : (resources[resource]?.size ?? 0);
      return { label, name, operand, byteLength, resource };
    }),
  );
}

/**
 * Checks every binding of a plan, and of the resources that it binds as a whole.
 *
 * @throws DeviceError naming the first tensor or resource that is larger than a binding may be
 */
export function checkBindings(
  plan: Plan,
  { maxStorageBufferBindingSize: limit }: BindingLimits,
  resources: Resources = {},
): void {
  const tooLarge = bindingsOf(plan, resources).find(({ byteLength }) => byteLength > limit);
  if (!tooLarge) return;
  const { label, name, operand, byteLength, resource } = tooLarge;
  const what = resource === undefined ? `${name} ${describeTensor(operand)}` : `'${resource}'`;
  throw new DeviceError(
    label,
    `${what} takes ${byteLength} bytes; this device binds at most ${limit}; ${cures(resource)}, ${RAISE}`,
  );
}

/** The longest binding and the largest buffer of a plan with its resources, in bytes. */
export function planLimits(
  plan: Plan,
  resources: Resources = {},
): BindingLimits & { readonly maxBufferSize: number } {
  const bound = bindingsOf(plan, resources).map(({ byteLength }) => byteLength);
  const inputs = Array.from(plan.inputs.values(), (shape) => 4 * elementCount(shape));
  const constants = plan.constants.map(({ elementCount: count }) => 4 * count);
  const owned = Object.values(resources).map(({ size }) => size);
  return {
    maxStorageBufferBindingSize: largest(bound),
    maxBufferSize: largest([...bound, ...plan.slotByteLengths, ...inputs, ...constants, ...owned]),
  };
}

function largest(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => Math.max(a, b), 0);
}

function cures(resource: string | undefined): string {
  if (resource === undefined) return 'use a smaller batch, use smaller images or fewer channels';
  if (resource === 'dataset') return 'use fewer images, use smaller ones (or bytes instead of floats)';
  return 'use fewer channels or units, use smaller images before a dense layer';
}

function wholeResource(location: Location | undefined): string | undefined {
  return location?.kind === 'resource' && location.byteLength === undefined ? location.name : undefined;
}

function tensorByteLength(operand: Operand): number {
  return operand === 'unused' || 'resource' in operand ? 0 : 4 * elementCount(operand.shape);
}

function describeTensor(operand: Operand): string {
  return operand === 'unused' || 'resource' in operand ? '' : describeShape(operand.shape);
}
