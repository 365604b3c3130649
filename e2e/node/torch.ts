/** PyTorch as another process: where it is, and what e2e/pytorch/run.py computes with it. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { projectRoot, runProcess } from './command-line.js';

/** Every python3 there is, until one imports torch: a virtual environment may hide the system's. */
export function findTorch(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return folders
    .map((folder) => join(folder, 'python3'))
    .filter((path) => existsSync(path))
    .find((path) => {
      try {
        execFileSync(path, ['-c', 'import torch'], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    });
}

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
