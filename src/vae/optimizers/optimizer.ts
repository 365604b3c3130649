/** Optimizers as plain data, and the numbers of a step, computed in float64 (WGSL's pow is off by 6e-5). */
import { SpecError } from '../../gpu/errors.js';
import type { UpdateSettings } from '../../gpu/ops/update.js';

interface Common {
  /** Clip the gradient to this global norm, as torch.nn.utils.clip_grad_norm_. */
  readonly maxNorm?: number;
}

/**
 * AdamW's decay is decoupled: the weights shrink by learningRate * weightDecay a step. Adagrad's joins the
 * gradient, as in PyTorch and as the prior N(0, I) on the weights of the 2013 paper (weightDecay = 1 / rows).
 */
export type OptimizerSpec =
  | ({
      readonly type: 'adam';
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
    } & Common)
  | ({
      readonly type: 'adamw';
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
      readonly weightDecay?: number;
    } & Common)
  | ({ readonly type: 'sgd'; readonly momentum?: number } & Common)
  | ({ readonly type: 'adagrad'; readonly epsilon?: number; readonly weightDecay?: number } & Common);

/** The names of all optimizers. */
export const optimizerNames = ['adam', 'adamw', 'sgd', 'adagrad'] as const;

export interface Optimizer {
  readonly settings: UpdateSettings;
  /** Step-block values of step t = 1, 2, ... */
  stepValues(t: number, learningRate: number): { learning_rate: number; epsilon: number; decay: number };
}

/** What each type's fields are where they are left out. */
const defaults = {
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxNorm: 0 },
  adamw: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxNorm: 0 },
  sgd: { momentum: 0, maxNorm: 0 },
  adagrad: { epsilon: 1e-10, weightDecay: 0, maxNorm: 0 },
} as const satisfies {
  [T in OptimizerSpec['type']]: Required<Omit<Extract<OptimizerSpec, { type: T }>, 'type'>>;
};

/** With every field that its type has. @throws SpecError for an unknown type */
export function completeOptimizer<T extends OptimizerSpec>(spec: T): Required<T> {
  if (typeof spec !== 'object' || (spec as unknown) === null)
    throw new SpecError(
      'optimizer',
      `is ${JSON.stringify(spec)}; expected { type: 'adam' } or another of ${optimizerNames.join(', ')}`,
    );
  const { type } = spec;
  if (!optimizerNames.includes(type))
    throw new SpecError(
      'optimizer',
      `type is ${JSON.stringify(type)}; expected one of ${optimizerNames.join(', ')}`,
    );
  const given = Object.entries(spec).filter(([, value]) => value !== undefined);
  return { ...defaults[type], ...Object.fromEntries(given) } as unknown as Required<T>;
}

/** @throws SpecError for an unknown type or a number out of range */
export function buildOptimizer(given: OptimizerSpec): Optimizer {
  const spec = completeOptimizer(given);
  const { maxNorm } = spec;
  if (!(maxNorm >= 0))
    throw new SpecError('optimizer.maxNorm', `is ${maxNorm}; expected a number >= 0 (0: no clipping)`);
  switch (spec.type) {
    case 'adam':
    case 'adamw':
      return adam(spec);
    case 'sgd': {
      const beta1 = fraction(spec.momentum, 'optimizer.momentum');
      return {
        settings: { rule: 'sgd', beta1, beta2: 0, maxNorm },
        stepValues: (_, learningRate) => ({ learning_rate: learningRate, epsilon: 0, decay: 0 }),
      };
    }
    case 'adagrad': {
      const epsilon = nonNegative(spec.epsilon, 'optimizer.epsilon');
      const weightDecay = nonNegative(spec.weightDecay, 'optimizer.weightDecay');
      return {
        settings: { rule: 'adagrad', beta1: 0, beta2: 0, maxNorm },
        stepValues: (_, learningRate) => ({ learning_rate: learningRate, epsilon, decay: weightDecay }),
      };
    }
  }
}

/**
 * Adam's corrected step lr * (m / c1) / (sqrt(v / c2) + eps) with c = 1 - beta^t is
 * (lr * sqrt(c2) / c1) * m / (sqrt(v) + eps * sqrt(c2)).
 */
function adam(spec: Required<Extract<OptimizerSpec, { type: 'adam' | 'adamw' }>>): Optimizer {
  const epsilon = nonNegative(spec.epsilon, 'optimizer.epsilon');
  const decay = spec.type === 'adamw' ? spec.weightDecay : 0;
  const weightDecay = nonNegative(decay, 'optimizer.weightDecay');
  const beta1 = fraction(spec.beta1, 'optimizer.beta1');
  const beta2 = fraction(spec.beta2, 'optimizer.beta2');
  return {
    settings: { rule: 'adam', beta1, beta2, maxNorm: spec.maxNorm },
    stepValues(t, learningRate) {
      const root = Math.sqrt(1 - beta2 ** t);
      return {
        learning_rate: (learningRate * root) / (1 - beta1 ** t),
        epsilon: epsilon * root,
        decay: learningRate * weightDecay,
      };
    },
  };
}

function nonNegative(value: number, where: string): number {
  if (!(value >= 0 && value < 1e6)) throw new SpecError(where, `is ${value}; expected a number >= 0`);
  return value;
}

function fraction(value: number, where: string): number {
  if (!(value >= 0 && value < 1)) throw new SpecError(where, `is ${value}; expected a number in [0, 1)`);
  return value;
}
