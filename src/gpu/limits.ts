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

/**
 * Checks every binding of a plan, and of the resources that it binds as a whole.
 *
 * @throws DeviceError naming the first tensor or resource that is larger than a binding may be
 */
export function checkBindings(
  plan: Plan,
  { maxStorageBufferBindingSize: limit }: BindingLimits,
  resources: Readonly<Record<string, { readonly size: number }>> = {},
): void {
  for (const { label, dispatch, locations } of plan.dispatches) {
    for (const [name, operand] of Object.entries(dispatch.bindings)) {
      const resource = wholeResource(locations[name]);
      const byteLength =
        resource === undefined ? tensorByteLength(operand) : (resources[resource]?.size ?? 0);
      if (byteLength <= limit) continue;
      const what = resource === undefined ? `${name} ${describeTensor(operand)}` : `'${resource}'`;
      throw new DeviceError(
        label,
        `${what} takes ${byteLength} bytes; this device binds at most ${limit}; ${cures(resource)}, ${RAISE}`,
      );
    }
  }
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
