/** The command plan: what one training step does on this adapter, dispatch by dispatch, and what it occupies. */
import type { Operand } from '../../gpu/dispatch.js';
import type { Location, Plan, PlannedDispatch } from '../../gpu/plan.js';
import { Vae } from '../../vae/vae.js';
import { formatCount, formatQuantity, formatTable } from './format.js';
import { formatMemory, memoryOf } from './memory.js';
import type { PlanSettings } from './options.js';
import { describeVariant } from './product.js';
import { describeData, describeModel, openDevice, prepareTask, trainerOptions } from './session.js';
import { readTuning } from './tuning-file.js';

/**
 * Prints the plan on stdout. The pipelines are compiled and the buffers made, so the figures are the real ones.
 *
 * @throws VaeError as training would before its first step
 */
export async function planCommand(settings: PlanSettings, typed: readonly string[]): Promise<number> {
  const { parts, spec } = await prepareTask(settings, typed);
  const tuning = await readTuning(settings);
  const device = await openDevice(settings, tuning);
  try {
    const vae = await Vae.create(spec, { device, seed: settings.seed });
    const trainer = await vae.trainer(parts.train, trainerOptions(settings));
    const lengths = { weights: vae.weightLength, state: vae.model.weights.state.length };
    const lines = [
      `one training step of ${describeModel(spec)} at batch ${settings.batch} on ${device.description}`,
      `${formatCount(vae.parameterCount)} parameters; data ${describeData(settings.data, parts)}`,
      '',
      ...trainer.plans.flatMap((plan, _, { length }) => [
        ...(length > 1 ? [`phase '${plan.label}'`, ''] : []),
        formatPlan(plan),
        '',
        formatMemory(memoryOf(plan, lengths)),
      ]),
      `with the training images (${formatQuantity(parts.train.values.byteLength, 'B')}), the ring of terms and ` +
        `placeholders ${formatQuantity(device.liveByteLength, 'B')}, all of it allocated before the first step`,
      `compiled in ${(trainer.compileTimeMs / 1000).toFixed(2)} s`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } finally {
    device.destroy();
  }
}

const columns = [
  '#',
  'op',
  'kernel',
  'variant',
  'shapes',
  'workgroups',
  'FLOP',
  'read',
  'written',
  'writes to',
];

/** A table of the dispatches in order, and their sums; `again` marks a slot that held another tensor before. */
export function formatPlan(plan: Plan): string {
  const used = new Set<number>();
  const rows = plan.dispatches.map((planned, index) => [String(index), ...describe(planned, used)]);
  return [formatTable([columns, ...rows], new Set([0, 6, 7, 8])), '', ...sums(plan)].join('\n');
}

function describe({ label, dispatch, locations }: PlannedDispatch, used: Set<number>): string[] {
  const { kernel, bindings, workgroups, cost } = dispatch;
  const storage = kernel.bindings.filter(({ type }) => type !== 'uniform');
  const shapes = (isWritten: boolean): string =>
    storage
      .filter(({ type }) => (type === 'storage') === isWritten)
      .flatMap(({ name }) => describeOperand(bindings[name]))
      .join(' ');
  const targets = storage
    .filter(({ type }) => type === 'storage')
    .flatMap(({ name }) => describeLocation(locations[name], used));
  return [
    label,
    kernel.name,
    describeVariant(dispatch),
    `${shapes(false)} -> ${shapes(true)}`.trimStart(),
    workgroups.join('x'),
    formatQuantity(cost.flops, ''),
    formatQuantity(cost.bytesRead, 'B'),
    formatQuantity(cost.bytesWritten, 'B'),
    targets.join(', '),
  ];
}

function describeOperand(operand: Operand | undefined): string[] {
  if (operand === undefined || operand === 'unused') return [];
  return ['resource' in operand ? operand.resource : `[${operand.shape.join(', ')}]`];
}

/** Marks a slot that another tensor has occupied before. */
function describeLocation(location: Location | undefined, used: Set<number>): string[] {
  if (location === undefined || location.kind === 'unused') return [];
  if (location.kind !== 'slot') return ['name' in location ? location.name : location.kind];
  const isReused = used.has(location.slot);
  used.add(location.slot);
  return [`slot ${location.slot}${isReused ? ' again' : ''}`];
}

function sums({ dispatches }: Plan): string[] {
  const total = (of: (planned: PlannedDispatch) => number): number =>
    dispatches.reduce((sum, planned) => sum + of(planned), 0);
  const flops = formatQuantity(
    total(({ dispatch }) => dispatch.cost.flops),
    'FLOP',
  );
  const read = formatQuantity(
    total(({ dispatch }) => dispatch.cost.bytesRead),
    'B',
  );
  const written = formatQuantity(
    total(({ dispatch }) => dispatch.cost.bytesWritten),
    'B',
  );
  return [`${dispatches.length} dispatches: ${flops}, ${read} read, ${written} written`];
}
