/**
 * What is measured: names, arithmetic and how much time each workload may take. The Node side
 * schedules with these facts; the tensors themselves are made in `task.ts`, which both sides share.
 */

/** The sizes of the dense VAE 784-400-(20, 20)-400-784 and of its training batches. */
export const DENSE = {
  batchSize: 128,
  batchCount: 20,
  pixels: 784,
  hidden: 400,
  latent: 20,
  learningRate: 1e-3,
};

/** How many training losses the float64 truth holds. */
export const TRUTH_STEPS = 60;

const MATMUL_SIZES = {
  'matmul-512': { M: 512, K: 512, N: 512 },
  'matmul-1024': { M: 1024, K: 1024, N: 1024 },
  'matmul-128x784x400': { M: 128, K: 784, N: 400 },
};

/** Names of the workloads in the order in which they run. */
export const WORKLOAD_NAMES = ['dense-step', 'matmul-512', 'matmul-1024', 'matmul-128x784x400'] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];
export type MatmulName = keyof typeof MATMUL_SIZES;

/** One workload as the scheduler and the report see it. */
export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  /** Floating-point operations of one step; a multiply-add counts two, element-wise work counts none. */
  readonly flop: number;
  /** Time one peer may use in one round, in ms: a fast peer fills it with several samples. */
  readonly roundTimeMs: number;
  /** Time one peer may use in all rounds together, in ms: a slow peer sits out some rounds. */
  readonly totalTimeMs: number;
}

/** True for the workloads that are one matrix product. */
export function isMatmul(name: WorkloadName): name is MatmulName {
  return name !== 'dense-step';
}

/** Sizes of a product `f32[M, K] x f32[K, N]`. */
export function matmulSizes(name: MatmulName): { M: number; K: number; N: number } {
  return MATMUL_SIZES[name];
}

/**
 * Operations of one training step: forward, weight gradient and input gradient are one product each
 * for every weight matrix; the first layer needs no input gradient, since nothing trains the data.
 */
function denseStepFlop(): number {
  const { batchSize, pixels, hidden, latent } = DENSE;
  const first = pixels * hidden;
  const others = hidden * 2 * latent + latent * hidden + hidden * pixels;
  return 2 * batchSize * (2 * first + 3 * others);
}

/** Facts of the named workload. */
export function workload(name: WorkloadName): Workload {
  if (!isMatmul(name)) {
    const title = 'Training step of the dense VAE 784-400-20, batch 128, Adam';
    return { name, title, flop: denseStepFlop(), roundTimeMs: 1800, totalTimeMs: 40_000 };
  }
  const { M, K, N } = matmulSizes(name);
  const title = `Matrix product [${M}, ${K}] x [${K}, ${N}]`;
  return { name, title, flop: 2 * M * K * N, roundTimeMs: 800, totalTimeMs: 20_000 };
}
