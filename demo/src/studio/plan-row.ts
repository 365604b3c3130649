/** A planned dispatch as plain data. */
import type { Trainer } from 'webgpu-vae';
import type { PlanRow } from './protocol.js';

type Planned = Trainer['plan']['dispatches'][number];

/** @param timeMs where it was measured */
export function planRow({ label, dispatch }: Planned, timeMs: number | undefined): PlanRow {
  const { kernel, cost } = dispatch;
  return {
    label,
    kernel: kernel.name,
    shapes: `${shapesOf(dispatch, false)} → ${shapesOf(dispatch, true)}`.trim(),
    flops: cost.flops,
    byteLength: cost.bytesRead + cost.bytesWritten,
    timeMs,
  };
}

/** Of the tensors that it reads, or writes; what is not a tensor goes by its name. */
function shapesOf({ kernel, bindings }: Planned['dispatch'], isWritten: boolean): string {
  return kernel.bindings
    .filter(({ type }) => type !== 'uniform' && (type === 'storage') === isWritten)
    .flatMap(({ name }) => {
      const operand = bindings[name];
      if (operand === undefined || operand === 'unused') return [];
      return ['resource' in operand ? operand.resource : `[${operand.shape.join(', ')}]`];
    })
    .join(' ');
}
