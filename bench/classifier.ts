/**
 * A classifier made of the library's own ops, to ask what a conditional model has drawn: one hidden layer, cross-entropy
 * by logSumExp, Adam, batches gathered from a data set on the GPU as training of a VAE does.
 */
import { conditionDataset } from '../src/vae/condition.js';
import { uploadDataset } from '../src/vae/data/resident.js';
import type { Dataset } from '../src/vae/data/dataset.js';
import { buildOptimizer } from '../src/vae/optimizers/optimizer.js';
import { affineMap } from '../src/vae/layers/dense.js';
import { WeightFactory } from '../src/vae/weights.js';
import { BufferGroup } from '../src/gpu/buffer-group.js';
import type { Device } from '../src/gpu/device.js';
import { Executable } from '../src/gpu/executable.js';
import { gradient } from '../src/gpu/gradient.js';
import type { Tensor } from '../src/gpu/graph.js';
import { multiply, subtract } from '../src/gpu/ops/binary.js';
import { input } from '../src/gpu/ops/constant.js';
import { gather } from '../src/gpu/ops/gather.js';
import { logSumExp } from '../src/gpu/ops/log-sum-exp.js';
import { momentNames } from '../src/gpu/ops/update.js';
import { sum } from '../src/gpu/ops/sum.js';
import { activate, affine } from '../src/gpu/ops/unary.js';
import { makePlan } from '../src/gpu/plan.js';
import { Scheduler } from '../src/gpu/scheduler.js';
import { elementCount } from '../src/gpu/shape.js';
import { seedWords, shuffleKeys } from '../src/gpu/threefry.js';

const BATCH = 100;

export interface ClassifierOptions {
  readonly classes: number;
  readonly hidden: number;
  readonly epochs: number;
}

export class Classifier {
  readonly #weights = new WeightFactory();
  readonly #buffers: BufferGroup;
  readonly #layers: readonly { weight: Tensor; bias: Tensor }[];

  private constructor(
    readonly device: Device,
    readonly width: number,
    readonly options: ClassifierOptions,
  ) {
    const { classes, hidden } = options;
    this.#buffers = new BufferGroup(device, 'classifier');
    this.#layers = [
      this.#weights.linear('hidden', [width], [hidden]),
      this.#weights.linear('output', [hidden], [classes]),
    ];
  }

  /** Trains on whole batches of `data`, which has labels. */
  static async train(device: Device, data: Dataset, options: ClassifierOptions): Promise<Classifier> {
    const classifier = new Classifier(device, elementCount(data.shape), options);
    await classifier.#train(data);
    return classifier;
  }

  /** The most likely class of rows f32[N, D] in [0, 1]. */
  async classify(rows: Float32Array): Promise<number[]> {
    const { classes } = this.options;
    const logits = this.#logits(input('x', [BATCH, this.width]));
    const plan = makePlan(
      { label: 'classify', outputs: { logits }, parameters: this.#weights.set },
      this.device.adapterClass,
    );
    const resources = { weights: this.#weightBuffer! };
    const executable = await Executable.create(this.device, plan, { resources });
    const scheduler = new Scheduler(this.device);
    const result: number[] = [];
    const count = rows.length / this.width;
    for (let first = 0; first < count; first += BATCH) {
      const padded = new Float32Array(BATCH * this.width);
      padded.set(rows.subarray(first * this.width, (first + BATCH) * this.width));
      executable.write('x', padded);
      await scheduler.run(executable, {});
      const values = await executable.read('logits');
      for (let row = 0; row < Math.min(BATCH, count - first); row++) {
        const own = values.subarray(row * classes, (row + 1) * classes);
        result.push(own.indexOf(Math.max(...own)));
      }
    }
    executable.destroy();
    return result;
  }

  destroy(): void {
    this.#buffers.destroy();
  }

  #weightBuffer: GPUBuffer | undefined;

  #logits(x: Tensor): Tensor {
    const [hidden, output] = this.#layers as [
      { weight: Tensor; bias: Tensor },
      { weight: Tensor; bias: Tensor },
    ];
    return affineMap(activate(affineMap(x, hidden), 'relu'), output);
  }

  async #train(data: Dataset): Promise<void> {
    const { classes, epochs } = this.options;
    const { set } = this.#weights;
    const batch = { batch: BATCH, rows: data.rows, format: 'bytes', shuffle: true, binarize: false } as const;
    const x = gather({ ...batch, width: this.width });
    const target = gather({ ...batch, width: classes, resource: 'condition' });
    const logits = this.#logits(x);
    const loss = affine(subtract(sum(logSumExp(logits, [1])), sum(multiply(target, logits))), 1 / BATCH, 0);
    const gradients = gradient(
      loss,
      set.entries.map(({ tensor }) => tensor),
    );
    const optimizer = buildOptimizer({ type: 'adam' });
    const update = optimizer.settings;
    const plan = makePlan(
      { label: 'classifier', outputs: { loss }, parameters: set, gradients, update },
      this.device.adapterClass,
    );
    const resources = await this.#resources(data, momentNames(update.rule));
    const executable = await Executable.create(this.device, plan, { resources });
    const scheduler = new Scheduler(this.device);
    const steps = Math.floor(data.rows / BATCH);
    for (let step = 0; step < epochs * steps; step++) {
      const epoch = Math.floor(step / steps);
      await scheduler.run(executable, {
        seed: seedWords(1),
        stream: step,
        row_count: BATCH,
        epoch,
        first_row: (step % steps) * BATCH,
        shuffle_keys: shuffleKeys(1, epoch),
        ...optimizer.stepValues(step + 1, 1e-3),
      });
    }
    await scheduler.idle();
    executable.destroy();
  }

  /** Data, weights and the optimizer's buffers. */
  async #resources(data: Dataset, moments: readonly string[]): Promise<Record<string, GPUBuffer>> {
    const buffers = this.#buffers;
    const { length } = this.#weights.set;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const names = ['weights', 'gradients', 'refused', ...moments];
    const flat = Object.fromEntries(names.map((name) => [name, buffers.create(name, 4 * length, usage)]));
    const dataset = await uploadDataset(buffers, data);
    const condition = await uploadDataset(buffers, conditionDataset(data, this.options.classes), 'condition');
    this.#weightBuffer = flat['weights']!;
    const initial = this.#weights.initialValues(1) as Float32Array<ArrayBuffer>;
    this.device.gpu.queue.writeBuffer(this.#weightBuffer, 0, initial);
    return { ...flat, dataset: dataset.buffer, condition: condition.buffer };
  }
}
