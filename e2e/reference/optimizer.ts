/**
 * Optimizer steps on flat parameters, with PyTorch's semantics down to where epsilon is added; goldens made
 * with PyTorch hold them to it. Parameters and state are changed in place; learningRate is per step.
 */

/** What an optimizer remembers of one tensor: steps taken and two moments, used as the optimizer needs. */
export interface OptimizerState {
  step: number;
  first: Float64Array;
  second: Float64Array;
}

/** The state before the first step. */
export function initialState(count: number): OptimizerState {
  return { step: 0, first: new Float64Array(count), second: new Float64Array(count) };
}

export interface AdamOptions {
  learningRate: number;
  beta1?: number;
  beta2?: number;
  epsilon?: number;
}

/**
 * Adam: `m = b1 m + (1-b1) g`, `v = b2 v + (1-b2) g^2`, `p -= lr/(1-b1^t) m / (sqrt(v/(1-b2^t)) + epsilon)`.
 * Defaults 0.9, 0.999, 1e-8. Source: Kingma and Ba 2015, algorithm 1.
 */
export function adam(
  parameters: Float64Array,
  gradient: Float64Array,
  state: OptimizerState,
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions,
): void {
  state.step++;
  const correction1 = 1 - beta1 ** state.step;
  const correction2 = 1 - beta2 ** state.step;
  gradient.forEach((g, i) => {
    const m = (state.first[i] = beta1 * state.first[i]! + (1 - beta1) * g);
    const v = (state.second[i] = beta2 * state.second[i]! + (1 - beta2) * g * g);
    parameters[i]! -= ((learningRate / correction1) * m) / (Math.sqrt(v / correction2) + epsilon);
  });
}

/**
 * AdamW: `p *= 1 - lr weightDecay`, then Adam; the decay does not pass through the moments.
 * Default weightDecay 0.01. Source: Loshchilov and Hutter 2019, algorithm 2.
 */
export function adamw(
  parameters: Float64Array,
  gradient: Float64Array,
  state: OptimizerState,
  options: AdamOptions & { weightDecay?: number },
): void {
  const keep = 1 - options.learningRate * (options.weightDecay ?? 0.01);
  parameters.forEach((p, i) => (parameters[i] = keep * p));
  adam(parameters, gradient, state, options);
}

/**
 * Stochastic gradient descent with momentum: `buffer = g` at the first step, then `buffer = momentum buffer + g`;
 * `p -= lr buffer`. PyTorch's form (no dampening, no Nesterov), where lr scales the buffer as it is used.
 */
export function sgd(
  parameters: Float64Array,
  gradient: Float64Array,
  state: OptimizerState,
  { learningRate, momentum = 0 }: { learningRate: number; momentum?: number },
): void {
  state.step++;
  gradient.forEach((g, i) => {
    const buffer = (state.first[i] = momentum * state.first[i]! + g);
    parameters[i]! -= learningRate * buffer;
  });
}

/**
 * Adagrad: `h += g^2`, `p -= lr g / (sqrt(h) + epsilon)` with `g = gradient + weightDecay p`; epsilon 1e-10.
 * Source: Duchi, Hazan and Singer 2011. Kingma and Welling 2013 (section 5) train with it: lr from
 * {0.01, 0.02, 0.1}, batches of 100, one sample, and the prior N(0, I) on the parameters, which for a loss per
 * datum is `weightDecay = 1 / (number of training data)`.
 */
export function adagrad(
  parameters: Float64Array,
  gradient: Float64Array,
  state: OptimizerState,
  {
    learningRate,
    epsilon = 1e-10,
    weightDecay = 0,
  }: { learningRate: number; epsilon?: number; weightDecay?: number },
): void {
  state.step++;
  gradient.forEach((raw, i) => {
    const g = raw + weightDecay * parameters[i]!;
    const h = (state.second[i] = state.second[i]! + g * g);
    parameters[i]! -= (learningRate * g) / (Math.sqrt(h) + epsilon);
  });
}

/**
 * Scales all gradients together so that their joint norm is at most `maxNorm`, in place; returns the norm before:
 * `scale = min(1, maxNorm / (norm + 1e-6))`. PyTorch's clip_grad_norm_, of which the 1e-6 is a part.
 */
export function clipGlobalNorm(gradients: readonly Float64Array[], maxNorm: number): number {
  let sumOfSquares = 0;
  for (const gradient of gradients) for (const g of gradient) sumOfSquares += g * g;
  const norm = Math.sqrt(sumOfSquares);
  const scale = Math.min(1, maxNorm / (norm + 1e-6));
  for (const gradient of gradients) gradient.forEach((g, i) => (gradient[i] = scale * g));
  return norm;
}
