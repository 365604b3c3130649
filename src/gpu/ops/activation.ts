/** The activations' names and what their derivatives are computed from; the functions are in lib/activation.wgsl. */
import { SpecError } from '../errors.js';

/** Codes of lib/activation.wgsl. */
export const activationCodes = {
  identity: 0,
  relu: 1,
  leakyRelu: 2,
  sigmoid: 3,
  tanh: 4,
  softplus: 5,
  silu: 6,
  gelu: 7,
} as const;

/** `leakyRelu` has slope 0.01; `gelu` is the exact form x Phi(x). */
export type Activation = keyof typeof activationCodes;

/** SiLU and GELU need their input for the derivative; the others' outputs determine it. */
export function savesInput(activation: Activation): boolean {
  return activation === 'silu' || activation === 'gelu';
}

/** @throws SpecError for a name that is not an activation. */
export function checkActivation(name: string, where: string): asserts name is Activation {
  if (!Object.hasOwn(activationCodes, name))
    throw new SpecError(
      where,
      `activation is '${name}'; expected one of ${Object.keys(activationCodes).join(', ')}`,
    );
}
