/**
 * PyTorch on the CPU, in a child process that speaks JSON by the line (torch_peer.py). The tensors reach it
 * as files, since it cannot run our generator. Without a Python that imports torch the peer is left out.
 */
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { findTorch } from '../e2e/find-torch.js';
import { VaeError } from '../src/gpu/errors.js';
import { outputError } from './check.js';
import { withinTime, type Contestant, type Evidence, type Opened, type Sample } from './contestant.js';
import { createTask, type Task } from './task.js';
import type { Tensor } from './tensor.js';
import { CONV, DENSE, type WorkloadName } from './workloads.js';

const REFERENCE = fileURLToPath(new URL('reference.py', import.meta.url));
const PEER = fileURLToPath(new URL('torch_peer.py', import.meta.url));
const DATA = 'out/bench-data';

/** A sequence of losses: which data and model, and how many steps are known. */
export interface TruthSource {
  readonly workload: WorkloadName;
  readonly steps: number;
  readonly batchSize?: number;
  readonly byReshape?: boolean;
}

/** Where a workload's tensors are. */
function folderOf(workload: WorkloadName): string {
  return fileURLToPath(new URL(`../${DATA}/${workload}`, import.meta.url));
}

/** What a script of this folder prints as JSON. @throws VaeError where no python3 imports torch */
export function runTorch(script: string, words: readonly string[]): unknown {
  const python = findTorch();
  if (!python) throw new VaeError('bench', 'no python3 imports torch; install PyTorch');
  const path = fileURLToPath(new URL(script, import.meta.url));
  // -B: leaves no compiled files beside the sources
  return JSON.parse(execFileSync(python, ['-B', path, ...words], { encoding: 'utf8' }));
}

/** A task's tensors by the names that Python knows. */
function tensorsOf(task: Task): Record<string, Tensor> {
  switch (task.kind) {
    case 'dense-step':
      return { x: task.x, noise: task.noise, ...task.weights };
    case 'conv-step': {
      const reshaped = Object.entries(task.byReshape).map(([name, tensor]) => [`reshape.${name}`, tensor]);
      return { x: task.x, noise: task.noise, ...task.weights, ...Object.fromEntries(reshaped) };
    }
    case 'matmul':
      return {};
    case 'decode-one':
      return { z: task.z, ...task.weights };
    default:
      return { x: task.x, weight: task.weight, cotangent: task.cotangent };
  }
}

/** Writes a workload's task for Python: NAME.bin, their shapes, and the settings. */
export function writeTask(workload: WorkloadName): void {
  const task = createTask(workload);
  const tensors = tensorsOf(task);
  const folder = folderOf(workload);
  mkdirSync(folder, { recursive: true });
  for (const [name, { values }] of Object.entries(tensors)) {
    writeFileSync(join(folder, `${name}.bin`), new Uint8Array(values.buffer));
  }
  const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  const { batchSize, learningRate } = task.kind === 'dense-step' ? DENSE : CONV;
  writeFileSync(join(folder, 'tensors.json'), JSON.stringify(shapes));
  writeFileSync(join(folder, 'settings.json'), JSON.stringify({ kind: task.kind, batchSize, learningRate }));
}

/** The arguments of reference.py for a sequence of losses, seen from the repository's root. */
export function referenceArguments({ workload, steps, batchSize, byReshape = false }: TruthSource): string[] {
  return [
    `${DATA}/${workload}`,
    String(steps),
    ...(batchSize === undefined ? [] : [String(batchSize)]),
    ...(byReshape ? ['--reshape'] : []),
  ];
}

/** The float64 losses of the first steps, computed by PyTorch now. */
export function torchLosses(python: string, source: TruthSource): number[] {
  writeTask(source.workload);
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const output = execFileSync(python, [REFERENCE, ...referenceArguments(source)], { cwd, encoding: 'utf8' });
  const losses: number[] = JSON.parse(output);
  return losses;
}

/** torch_peer.py gives one or the other. */
type Answer<T> = { readonly value: T } | { readonly error: string };

/** What torch_peer.py says of its work: losses, or how many files output0.bin, ... it wrote. */
interface TorchEvidence {
  readonly losses?: Evidence['losses'];
  readonly outputCount?: number;
}

/** PyTorch in float32 as one more contestant. */
export class TorchContestant implements Contestant {
  readonly #workload: WorkloadName;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #ended: Promise<never>;

  constructor(python: string, workload: WorkloadName) {
    writeTask(workload);
    this.#workload = workload;
    this.#child = spawn(python, [PEER, folderOf(workload)], { stdio: ['pipe', 'pipe', 'inherit'] });
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

  async evidence(): Promise<Evidence> {
    const { losses, outputCount } = await this.#call<TorchEvidence>('evidence');
    if (losses) return { losses };
    const outputs = Array.from({ length: outputCount ?? 0 }, (_, i) => {
      const { buffer, byteOffset, byteLength } = readFileSync(
        join(folderOf(this.#workload), `output${i}.bin`),
      );
      return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
    });
    return { outputError: outputError(createTask(this.#workload), outputs) };
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
