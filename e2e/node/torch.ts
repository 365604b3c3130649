/** What e2e/pytorch/run.py computes, in another process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, runProcess } from './command-line.js';

export { findTorch } from '../find-torch.js';

/** Numbers of a tensor, channels last, and how far float32 may be from each. */
export type Bounded = readonly [values: readonly number[], bounds: readonly number[]];

export interface TorchResult {
  readonly names: readonly string[];
  readonly mean: Bounded;
  readonly logVariance: Bounded;
  readonly decoded: Bounded;
}

/** Runs a command of run.py on data x and latents z in `folder`. @throws Error with what Python said */
export async function runTorch(
  python: string,
  command: 'load' | 'make' | 'world',
  folder: string,
  data: { readonly x: Float32Array; readonly z: Float32Array },
): Promise<TorchResult> {
  for (const [name, values] of Object.entries(data))
    writeFileSync(join(folder, `${name}.bin`), new Uint8Array(values.buffer));
  const script = join(projectRoot, 'e2e/pytorch/run.py');
  // -B: leaves no compiled files beside the sources
  const { code, stdout, stderr } = await runProcess(python, ['-B', script, command], folder);
  if (code !== 0) throw new Error(`[run.py ${command}] ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as TorchResult;
}
