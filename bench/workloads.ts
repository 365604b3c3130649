/**
 * What is measured: names, arithmetic, who takes part and how much time each workload may take. The Node side
 * schedules with these facts; the tensors themselves are made in task.ts, which both sides share.
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

/**
 * The convolutional VAE: 28x28x1, conv 4x4 s2 p1 to 32 and to 64 channels, dense 256, latent 16, dense to 7x7x64, and
 * two transposed convolutions 4x4 s2 p1 to 32 and to 1 channels.
 */
export const CONV = {
  batchSize: 64,
  /** Images and noise there are; batches of other sizes are cut from the same. */
  rows: 512,
  pixels: 784,
  hidden: 256,
  latent: 16,
  learningRate: 1e-3,
};

/** The single convolution: 4x4, stride 2, padding 1. */
export const LAYER = { batch: 32, size: 28, channels: 32, outputs: 64 };

/** Batch sizes between which the cost of an image is compared. */
export const BATCH_SIZES = [16, 64, 256] as const;

const MATMUL_SIZES = {
  'matmul-512': { M: 512, K: 512, N: 512 },
  'matmul-1024': { M: 1024, K: 1024, N: 1024 },
  'matmul-128x784x400': { M: 128, K: 784, N: 400 },
};

/** Names of the workloads in the order in which they run. */
export const WORKLOAD_NAMES = [
  'dense-step',
  'conv-step',
  'conv-forward',
  'conv-backward',
  'decode-one',
  'conv-batch',
  'matmul-512',
  'matmul-1024',
  'matmul-128x784x400',
] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];
export type MatmulName = keyof typeof MATMUL_SIZES;

/** This library's contestant for a batch size: it has one for each in `conv-batch`. */
export type BatchContestant = `webgpu-vae batch ${number}`;

/** One workload as the scheduler and the report see it. */
export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  /** Floating-point operations of one step; a multiply-add counts two, element-wise work counts none. */
  readonly flop: number;
  /** Trains: there are losses to check, and steps whose loss nobody reads. */
  readonly isTraining: boolean;
  /** Who takes part, in the order of the table. */
  readonly peers: readonly string[];
  /** Time one peer may use in one round, in ms: a fast peer fills it with several samples. */
  readonly roundTimeMs: number;
  /** Time one peer may use in all rounds together, in ms: a slow peer sits out some rounds. */
  readonly totalTimeMs: number;
}

/** True for the workloads that are one matrix product. */
export function isMatmul(name: WorkloadName): name is MatmulName {
  return name in MATMUL_SIZES;
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

/** Multiply-adds of the layers for one image: outputs x taps x channels. A deconvolution by reshape has 3x3 taps. */
function convLayers(byReshape: boolean): { encoder: number; heads: number; decoder: number } {
  const [first, second] = [14 * 14 * 32 * 16, 7 * 7 * 64 * 16 * 32];
  const { hidden, latent } = CONV;
  const deconvolutions = byReshape ? 7 * 7 * 64 * 9 * 4 * 32 + 14 * 14 * 32 * 9 * 4 : second + first;
  return {
    encoder: first + second + 3136 * hidden,
    heads: hidden * 2 * latent,
    decoder: latent * 3136 + deconvolutions,
  };
}

/**
 * Operations of one training step of the convolutional VAE: three products a layer. (The first layer's input gradient,
 * which nothing needs, counts too, 1.64 GFLOP in all: it is 2 % of them.)
 */
export function convStepFlop(batchSize: number, byReshape = false): number {
  const { encoder, heads, decoder } = convLayers(byReshape);
  return 6 * batchSize * (encoder + heads + decoder);
}

function layerFlop(): number {
  const { batch, size, channels, outputs } = LAYER;
  return 2 * batch * (size / 2) ** 2 * outputs * 16 * channels;
}

/** Facts of the named workload. */
export function workload(name: WorkloadName): Workload {
  if (isMatmul(name)) {
    const { M, K, N } = matmulSizes(name);
    return {
      name,
      title: `Matrix product [${M}, ${K}] x [${K}, ${N}]`,
      flop: 2 * M * K * N,
      isTraining: false,
      peers: ['webgpu-vae', 'jax-js', 'tfjs', 'naive'],
      roundTimeMs: 800,
      totalTimeMs: 20_000,
    };
  }
  return { name, ...FACTS[name] };
}

const everyone = ['webgpu-vae', 'jax-js', 'tfjs', 'torch'];
const { batch, size, channels, outputs } = LAYER;
const layer = `4x4, stride 2, padding 1, batch ${batch}, ${size}x${size}x${channels} to ${size / 2}x${size / 2}x${outputs}`;

const FACTS: Record<Exclude<WorkloadName, MatmulName>, Omit<Workload, 'name'>> = {
  'dense-step': {
    title: 'Training step of the dense VAE 784-400-20, batch 128, Adam',
    flop: denseStepFlop(),
    isTraining: true,
    peers: everyone,
    roundTimeMs: 1800,
    totalTimeMs: 40_000,
  },
  'conv-step': {
    title: 'Training step of the convolutional VAE 28x28-32-64-256-16, batch 64, Adam',
    flop: convStepFlop(CONV.batchSize),
    isTraining: true,
    peers: ['webgpu-vae', 'webgpu-vae by reshape', 'jax-js', 'tfjs', 'torch'],
    roundTimeMs: 1800,
    totalTimeMs: 30_000, // one or two samples of the slow peers, which take 15 and 26 s
  },
  'conv-forward': {
    title: `Convolution ${layer}`,
    flop: layerFlop(),
    isTraining: false,
    peers: everyone,
    roundTimeMs: 800,
    totalTimeMs: 20_000,
  },
  'conv-backward': {
    title: `Both gradients of the convolution ${layer}`,
    flop: 2 * layerFlop(),
    isTraining: false,
    peers: everyone,
    roundTimeMs: 800,
    totalTimeMs: 20_000,
  },
  'decode-one': {
    title: 'One latent decoded to 28x28 pixels by the convolutional VAE and read back to the CPU',
    flop: 2 * convLayers(false).decoder,
    isTraining: false,
    peers: ['webgpu-vae', 'jax-js', 'tfjs', 'onnxruntime', 'torch'],
    roundTimeMs: 800,
    totalTimeMs: 20_000,
  },
  'conv-batch': {
    title: 'Training step of the convolutional VAE by batch size, webgpu-vae alone',
    flop: convStepFlop(CONV.batchSize),
    isTraining: true,
    peers: BATCH_SIZES.map((batchSize): BatchContestant => `webgpu-vae batch ${batchSize}`),
    roundTimeMs: 3000,
    totalTimeMs: 40_000,
  },
};
