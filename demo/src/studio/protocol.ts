/** What the page and its worker tell each other: plain data that a message can carry. */
import type { CompleteSpec, Dataset, OptimizerSpec, Pixels, StepTerms, Terms } from 'webgpu-vae';

/** Options that a training keeps from its first step on. */
export interface TrainingSettings {
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec['type'];
  /** Of the initial weights, the order of the data and the noise. */
  readonly seed: number;
}

/** Settings that act on the next step. */
export interface LiveSettings {
  /** Weight of the KL. */
  readonly beta: number;
  readonly learningRate: number;
  /** A few steps a second, every one of them shown. */
  readonly isSlow: boolean;
}

/** Where images come from. */
export type Source =
  | { readonly kind: 'fashion' }
  | { readonly kind: 'shapes' }
  /** The visitor's own: drawn, dropped or seen by the camera. */
  | {
      readonly kind: 'own';
      readonly name: string;
      readonly images: Dataset;
      /** Names of the labels; by default they are numbers. */
      readonly classes?: readonly string[];
    };

/** How much of the files of a source has come. */
export interface Loading {
  readonly name: string;
  readonly loadedBytes: number;
  /** Absent where the server does not tell. */
  readonly totalBytes?: number;
}

/** What is known of the images that a model is trained on. */
export interface DataFacts {
  readonly kind: Source['kind'];
  readonly name: string;
  /** Images that are trained on. */
  readonly rows: number;
  /** Images that are held out, which the views show. */
  readonly testRows: number;
  /** `[H, W, C]`. */
  readonly shape: readonly number[];
  /** Names of the labels, empty where there are none. */
  readonly classes: readonly string[];
}

export interface ModelFacts {
  readonly spec: CompleteSpec;
  readonly parameterCount: number;
  /** Optimizer steps that it has taken in this page. */
  readonly step: number;
  /** Whether it is the one that the page opens with, untouched. */
  readonly isPretrained: boolean;
  /** Whether its objective lets beta weigh the KL. */
  readonly betaIsOpen: boolean;
}

/** A picture of the model: images side by side, redrawn whenever the weights have changed. */
export type Drawing = {
  readonly columns: number;
  /** The class of each image, for a model with a condition. */
  readonly labels?: readonly number[];
} & (
  | { readonly decode: Float32Array }
  | { readonly sample: { readonly seed: number; readonly rows: number } }
  | { readonly reconstruct: readonly Pixels[] }
);

/** The held-out images as the encoder places them. */
export interface Codes {
  /** Steps that the model had taken. */
  readonly step: number;
  /** Means of the posteriors, f32[N, K]. */
  readonly mean: Float32Array;
  /** u8[N] */
  readonly labels: Uint8Array | undefined;
  /** Mean KL of each latent from N(0, 1), nats, f32[K]; of a Gaussian posterior. */
  readonly klPerLatent: Float32Array | undefined;
}

/** How fast it goes and what it takes. */
export interface Speed {
  readonly imagesPerSecond: number;
  readonly stepMs: number;
  readonly dispatchesPerStep: number;
  readonly gpuByteLength: number;
}

/** A dispatch of a training step, and its time where the device can tell it. */
export interface PlanRow {
  readonly label: string;
  readonly kernel: string;
  /** What it reads and writes: `[128, 784] [784, 400] -> [128, 400]`. */
  readonly shapes: string;
  readonly flops: number;
  /** Read and written. */
  readonly byteLength: number;
  readonly timeMs: number | undefined;
}

/** What a training step does, and what it takes. */
export interface StepPlan {
  readonly rows: readonly PlanRow[];
  /** Of the next step. */
  readonly dispatches: number;
  readonly batchSize: number;
  readonly submits: number;
  /** Everything that the page has on the GPU. */
  readonly gpuByteLength: number;
}

/** What four copies of the model, which differ in their likelihood, are trained with. */
export interface ComparisonRequest {
  readonly steps: number;
  readonly learningRate: number;
  readonly beta: number;
  readonly settings: TrainingSettings;
  /** Held-out images that each of them reconstructs. */
  readonly rows: readonly number[];
}

export type ComparedName = 'l2' | 'l1' | 'learned' | 'bernoulli';

/** One of the copies, trained. */
export interface Compared {
  readonly name: ComparedName;
  readonly reconstructions: readonly Pixels[];
  readonly samples: readonly Pixels[];
  /** Of held-out images, a pixel, with values in [0, 1]. */
  readonly squaredError: number;
  readonly absoluteError: number;
  /** The scale it has in the end; none of Bernoulli. */
  readonly scale: number | undefined;
}

export interface ComparisonProgress {
  readonly name: ComparedName;
  /** Steps of all copies so far, and in all. */
  readonly step: number;
  readonly steps: number;
}

/** How much a note matters: a `failure` stays until the visitor has done something. */
export type NoteKind = 'info' | 'warning' | 'failure';

export type StudioEvent =
  | { readonly type: 'device'; readonly description: string }
  | { readonly type: 'data'; readonly facts: DataFacts }
  /** Without progress when all has come, or nothing more will. */
  | { readonly type: 'loading'; readonly progress?: Loading }
  | { readonly type: 'model'; readonly facts: ModelFacts }
  | { readonly type: 'steps'; readonly terms: readonly StepTerms[]; readonly speed: Speed }
  | { readonly type: 'validation'; readonly step: number; readonly terms: Terms }
  | { readonly type: 'codes'; readonly codes: Codes }
  | { readonly type: 'playing'; readonly isPlaying: boolean }
  /** The GPU is gone, and is being brought back. */
  | { readonly type: 'lost' }
  /** It is back; steps from `step` on are taken again. */
  | { readonly type: 'recovered'; readonly step: number }
  /** It does not come back. */
  | { readonly type: 'gone'; readonly message: string }
  /** What a reload goes on from; no step when it was forgotten. */
  | { readonly type: 'saved'; readonly step: number | undefined; readonly timeMs: number }
  | { readonly type: 'note'; readonly kind: NoteKind; readonly message: string };

export type Tell = (event: StudioEvent) => void;
