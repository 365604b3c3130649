/**
 * PyTorch on the CPU, in a child process that speaks JSON by the line (reference.py). The tensors reach it
 * as files, since it cannot run our generator. Without a Python that imports torch the peer is left out.
 */
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { VaeError } from '../src/gpu/errors.js';
import { withinTime, type Contestant, type Evidence, type Opened, type Sample } from './contestant.js';
import { findExecutables } from './executable.js';
import { createTask, type Tensor } from './task.js';
import { DENSE, TRUTH_STEPS } from './workloads.js';

const SCRIPT = fileURLToPath(new URL('reference.py', import.meta.url));
const FOLDER = fileURLToPath(new URL('../out/bench-data', import.meta.url));

/** The first python3 on PATH that imports torch, or undefined. */
export function findTorch(): string | undefined {
  return findExecutables(['python3']).find((python) => {
    try {
      execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** Writes the training task for reference.py: NAME.bin, their shapes, and the settings. */
export function writeTrainingData(): void {
  const task = createTask('dense-step');
  if (task.kind !== 'dense-step') return;
  const tensors: Record<string, Tensor> = { x: task.x, noise: task.noise, ...task.weights };
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, { values }] of Object.entries(tensors)) {
    writeFileSync(join(FOLDER, `${name}.bin`), new Uint8Array(values.buffer));
  }
  const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  writeFileSync(join(FOLDER, 'tensors.json'), JSON.stringify(shapes));
  writeFileSync(join(FOLDER, 'settings.json'), JSON.stringify(DENSE));
}

/** The float64 losses of the first steps, computed by PyTorch now. */
export function torchLosses(python: string): number[] {
  const output = execFileSync(python, [SCRIPT, 'truth', FOLDER, String(TRUTH_STEPS)], { encoding: 'utf8' });
  const losses: number[] = JSON.parse(output);
  return losses;
}

/** reference.py gives one or the other. */
type Answer<T> = { readonly value: T } | { readonly error: string };

/** PyTorch in float32 as one more contestant; it only trains. */
export class TorchContestant implements Contestant {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #ended: Promise<never>;

  constructor(python: string) {
    this.#child = spawn(python, [SCRIPT, 'peer', FOLDER], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code) =>
        reject(new VaeError('bench', `torch ended with ${code}; see above`)),
      );
    });
    // The end after close() is no failure; a call under way sees the rejection by itself.
    this.#ended.catch(() => undefined);
  }

  open(): Promise<Opened> {
    return this.#call<Opened>('open');
  }

  sample(count: number): Promise<Sample> {
    return this.#call<Sample>('sample', count);
  }

  burst(count: number): Promise<number> {
    return this.#call<number>('burst', count);
  }

  evidence(): Promise<Evidence> {
    return this.#call<Evidence>('evidence');
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
  }

  /** One request at a time: the next line that comes is its answer. */
  async #call<T>(verb: string, ...args: number[]): Promise<T> {
    const line = new Promise<string>((resolve) => this.#lines.once('line', resolve));
    this.#child.stdin.write(`${JSON.stringify({ verb, arguments: args })}\n`);
    const answer: Answer<T> = JSON.parse(
      await withinTime(`torch: ${verb}`, Promise.race([line, this.#ended])),
    );
    if ('error' in answer) throw new VaeError('bench', `torch: ${answer.error}`);
    return answer.value;
  }
}
