/** What a device must allow for a model, asked before there is a device: from the plans, which need none. */
import { planLimits } from '../gpu/limits.js';
import { makePlan, type Plan } from '../gpu/plan.js';
import { momentNames } from '../gpu/ops/update.js';
import { alignUp } from '../gpu/shape.js';
import type { Dataset } from './data/dataset.js';
import { planRowFunction, planRows } from './inference.js';
import { Model } from './model.js';
import { decodeCall, drawCall, encodeCall, widthsOf } from './model-calls.js';
import { buildOptimizer } from './optimizers/optimizer.js';
import { completeSpec, type VaeSpec } from './spec.js';
import { checkOptions, type TrainerOptions } from './trainer-options.js';
import { trainingPlan } from './training-plan.js';

/** What is planned: training with these options, on these data, and inference. */
export interface LimitsOptions extends Omit<TrainerOptions, 'batchSize' | 'onCompile'> {
  /** False plans `encode`, `decode` and `sample` only. */
  readonly training?: boolean;
  /** The data set that will be trained on; it lies on the GPU as a whole. */
  readonly data?: Dataset;
}

/** For `adapter.requestDevice({ requiredLimits })`; in bytes. */
export type RequiredLimits = Record<'maxBufferSize' | 'maxStorageBufferBindingSize', number>;

const ADAPTER_CLASSES = ['gpu', 'software', 'software-subgroups'] as const;

/**
 * The limits that a device needs for `spec` in batches of `batch` rows, whatever its adapter. All other limits may stay at
 * WebGPU's defaults, no feature is needed, and a limit below its default asks for the default.
 *
 *     const device = await adapter.requestDevice({ requiredLimits: requiredLimits(spec, 64) });
 *
 * @throws SpecError for a specification or options that cannot be built
 */
export function requiredLimits(spec: VaeSpec, batch: number, options: LimitsOptions = {}): RequiredLimits {
  checkOptions(options, batch);
  const model = new Model(completeSpec(spec));
  const sizes = resourceSizes(model, options);
  const limits = ADAPTER_CLASSES.flatMap((adapterClass) => {
    const on = { adapterClass };
    const plans = [...inferencePlans(model, batch, on), ...trainingPlans(model, batch, on, options)];
    return plans.map((plan) => planLimits(plan, sizes));
  });
  const largest = (name: keyof RequiredLimits): number => Math.max(...limits.map((limit) => limit[name]));
  return {
    maxBufferSize: largest('maxBufferSize'),
    maxStorageBufferBindingSize: largest('maxStorageBufferBindingSize'),
  };
}

interface Target {
  readonly adapterClass: (typeof ADAPTER_CLASSES)[number];
}

/** For as many rows as are asked for, and for as many as `vae.encode()` would take for them. */
function inferencePlans(model: Model, batch: number, on: Target): Plan[] {
  const calls = [encodeCall(model), decodeCall(model)];
  if (!model.prior.isStandardNormal) calls.push(drawCall(model));
  return calls.flatMap((call) =>
    [batch, planRows(batch)].map((rows) =>
      planRowFunction(call, widthsOf(model, call), rows, model.weights, on),
    ),
  );
}

function trainingPlans(model: Model, batch: number, on: Target, options: LimitsOptions): Plan[] {
  if (options.training === false) return [];
  const optimizer = buildOptimizer(options.optimizer ?? { type: 'adam' });
  const { model: phases, adversary } = trainingPlan(model, options.data, batch, options, optimizer);
  return [...phases, ...(adversary ? [adversary] : [])].map(({ request }) =>
    makePlan(request, on.adapterClass),
  );
}

/** Bytes of the buffers that plans bind by name. */
function resourceSizes(
  model: Model,
  { data, optimizer, training }: LimitsOptions,
): Record<string, { size: number }> {
  const { weights, spec } = model;
  const flat = { size: 4 * weights.set.length };
  const trained =
    training === false
      ? []
      : ['gradients', ...momentNames(buildOptimizer(optimizer ?? { type: 'adam' }).settings.rule)];
  const rows = data?.rows ?? 0;
  return {
    weights: flat,
    state: { size: 4 * weights.state.length },
    ...Object.fromEntries(trained.map((name) => [name, flat])),
    ...(data && { dataset: { size: alignUp(data.values.byteLength, 4) } }),
    ...(data && spec.condition && { condition: { size: alignUp(rows * spec.condition.classes, 4) } }),
  };
}
