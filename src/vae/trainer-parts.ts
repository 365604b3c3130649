/** What a trainer runs on: its phases compiled, data and optimizer state on the GPU, and the ring of terms. */
import { BufferGroup } from '../gpu/buffer-group.js';
import { Executable, type ExecutableOptions } from '../gpu/executable.js';
import { MetricRing } from '../gpu/metrics.js';
import { momentNames } from '../gpu/ops/update.js';
import { makePlan, type Plan } from '../gpu/plan.js';
import { conditionResource } from './condition.js';
import type { Dataset } from './data/dataset.js';
import { uploadDataset, type ResidentDataset } from './data/resident.js';
import { buildOptimizer } from './optimizers/optimizer.js';
import type { CompleteOptions, TrainerOptions } from './trainer-options.js';
import { trainingPlan, type PhasePlan } from './training-plan.js';
import type { Vae } from './vae.js';

/** Words of a ring entry before the further terms: loss, refused index, elbo, reconstruction, kl. */
const ENTRY_WORDS = 5;
/** The place of the first term in an entry. */
export const FIRST_TERM = 2;
/** What stands for a refused index where every update was finite. */
export const NOTHING_REFUSED = 0xffffffff;

/** A phase on the device. */
export interface Phase {
  readonly plan: PhasePlan;
  readonly executable: Executable;
}

export interface TrainerParts {
  readonly model: readonly Phase[];
  readonly adversary: Phase | undefined;
  readonly termNames: readonly string[];
  readonly ring: MetricRing;
  readonly data: ResidentDataset | undefined;
  readonly buffers: BufferGroup;
  readonly refused: GPUBuffer;
  /** The optimizers' flat moments by name, each as long as the weights. */
  readonly moments: ReadonlyMap<string, GPUBuffer>;
  readonly compileTimeMs: number;
}

/**
 * Plans, uploads and compiles.
 * @throws SpecError, DataError, OutOfMemoryError, ShaderError; nothing stays allocated then
 */
export async function makeParts(
  vae: Vae,
  data: Dataset | undefined,
  options: CompleteOptions,
  onCompile: TrainerOptions['onCompile'],
): Promise<TrainerParts> {
  const { batchSize } = options;
  const optimizer = buildOptimizer(options.optimizer);
  const { device, model } = vae;
  const plan = trainingPlan(model, data, batchSize, options, optimizer);
  const plans = [...plan.model, ...(plan.adversary ? [plan.adversary] : [])].map((phase) => ({
    phase,
    plan: makePlan(phase.request, device.adapterClass, device.tuning),
  }));
  const started = performance.now();
  const buffers = new BufferGroup(device, 'train');
  const phases: Phase[] = [];
  try {
    const resident = data && (await uploadDataset(buffers, data));
    const condition = data && (await conditionResource(buffers, vae.spec, data));
    const state = allocateState(vae, plans, buffers);
    const ring = new MetricRing(buffers, ENTRY_WORDS + plan.termNames.length);
    await buffers.settled();
    const refused = state['refused']!;
    device.gpu.queue.writeBuffer(refused, 0, new Uint32Array([NOTHING_REFUSED]));
    const resources = {
      ...state,
      ...vae.resources,
      ...(resident && { dataset: resident.buffer }),
      ...condition,
    };
    const onProgress = sharedProgress(plans, onCompile);
    for (const { phase, plan: made } of plans)
      phases.push({
        plan: phase,
        executable: await Executable.create(device, made, { resources, ...onProgress() }),
      });
    return {
      model: phases.slice(0, plan.model.length),
      adversary: phases[plan.model.length],
      termNames: plan.termNames,
      ring,
      data: resident,
      buffers,
      refused,
      moments: new Map(Object.entries(state).filter(([name]) => name !== 'gradients' && name !== 'refused')),
      compileTimeMs: performance.now() - started,
    };
  } catch (error) {
    for (const { executable } of phases) executable.destroy();
    buffers.destroy();
    throw error;
  }
}

/** Frees everything that `makeParts` made; the model's weights stay. */
export function destroyParts({ model, adversary, buffers }: TrainerParts): void {
  for (const { executable } of [...model, ...(adversary ? [adversary] : [])]) executable.destroy();
  buffers.destroy();
}

interface PlannedPhase {
  readonly phase: PhasePlan;
  readonly plan: Plan;
}

/** The flat buffers that the phases' optimizers keep, by resource name. */
function allocateState(
  vae: Vae,
  phases: readonly PlannedPhase[],
  buffers: BufferGroup,
): Record<string, GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const moments = phases.flatMap(({ phase }) => momentNames(phase.request.update!.rule));
  const state = Object.fromEntries(
    ['gradients', ...new Set(moments)].map((name) => [
      name,
      buffers.create(name, 4 * vae.weightLength, usage),
    ]),
  );
  return { ...state, refused: buffers.create('refused', 4, usage) };
}

/** Progress of one plan after the other as the progress of all. */
function sharedProgress(
  phases: readonly PlannedPhase[],
  onCompile: TrainerOptions['onCompile'],
): () => Pick<ExecutableOptions, 'onProgress'> {
  if (!onCompile) return () => ({});
  const total = phases.reduce((sum, { plan }) => sum + plan.dispatches.length, 0);
  let before = 0;
  return () => ({
    onProgress(done, count) {
      onCompile(before + done, total);
      if (done === count) before += count;
    },
  });
}
