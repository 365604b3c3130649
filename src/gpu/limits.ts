/** What a device allows a plan to bind; asked before a buffer is made, because WebGPU refuses only at the bind group. */
import { DeviceError } from './errors.js';
import type { Operand } from './dispatch.js';
import type { Location, Plan } from './plan.js';
import { describeShape, elementCount } from './shape.js';

/** The limit that a plan meets first; 128 MiB on every device, more where the adapter offers it. */
export interface BindingLimits {
  readonly maxStorageBufferBindingSize: number;
}

/** @throws DeviceError naming the first tensor that is larger than a binding may be */
export function checkBindings(plan: Plan, { maxStorageBufferBindingSize: limit }: BindingLimits): void {
  for (const { label, dispatch, locations } of plan.dispatches) {
    for (const [name, operand] of Object.entries(dispatch.bindings)) {
      const byteLength = bindingByteLength(operand, locations[name]);
      if (byteLength > limit)
        throw new DeviceError(
          label,
          `${describe(name, operand)} takes ${byteLength} bytes; this device binds at most ${limit}; use a smaller batch, smaller images or fewer channels, or pass a device that was requested with a higher maxStorageBufferBindingSize`,
        );
    }
  }
}

function bindingByteLength(operand: Operand, location: Location | undefined): number {
  if (location && 'byteLength' in location) return location.byteLength ?? 0;
  return operand === 'unused' || 'resource' in operand ? 0 : 4 * elementCount(operand.shape);
}

function describe(name: string, operand: Operand): string {
  return operand === 'unused' || 'resource' in operand ? name : `${name} ${describeShape(operand.shape)}`;
}
