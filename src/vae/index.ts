/** Variational autoencoders: specification, training, evaluation, checkpoints. */
export {
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
  type TensorToWrite,
} from './checkpoint/safetensors.js';
export { readModelFile, type FileTensor, type ModelFile } from './checkpoint/model-file.js';
export { readTrainingFile, type TrainingFile, type TrainingRecord } from './checkpoint/training-file.js';
export { readCifar10, type Cifar10Batch } from './data/cifar.js';
export type * from './layer-spec.js';
export { nameAt, type Extent, type Layer, type Site } from './layers/layer.js';
export {
  convResidualSpec,
  convSpec,
  denseSpec,
  presets,
  worldModelsSpec,
  type PresetName,
  type PresetOptions,
} from './presets.js';
export { checkDataset, takeRows, type Dataset } from './data/dataset.js';
export { fromPixels, type ImageShape, type Pixels } from './data/image.js';
export { readIdxImages, readIdxLabels } from './data/idx.js';
export { bitsPerDimension } from './metrics/bits.js';
export type { EstimatorSpec } from './estimator-spec.js';
export type { EvaluateOptions } from './evaluate.js';
export type { Extensions, OwnLayer, OwnObjective } from './extensions.js';
export type {
  Adversary,
  Objective,
  ObjectiveContext,
  ObjectiveSite,
  Penalty,
} from './objectives/objective.js';
export {
  objectiveNames,
  type ObjectiveInput,
  type ObjectiveSpec,
  type ObjectiveType,
} from './objectives/objective-spec.js';
export type { OwnPart } from './own-spec.js';
export { parameterCount } from './parameter-count.js';
export type { PosteriorInput, PosteriorSpec } from './posteriors/posterior-spec.js';
export type { HierarchicalSpec, PriorInput, PriorSpec } from './priors/prior-spec.js';
export { optimizerNames, type OptimizerSpec } from './optimizers/optimizer.js';
export type { CyclicalSchedule, LinearSchedule, Schedule } from './schedule.js';
export { requiredLimits, type LimitsOptions, type RequiredLimits } from './required-limits.js';
export {
  completeSpec,
  type CompleteSpec,
  type ConditionSpec,
  type LikelihoodSpec,
  type ScaleSpec,
  type VaeSpec,
} from './spec.js';
export type { Terms } from './terms.js';
export type { EpochReport, Spread, TrainOptions, TrainProgress, TrainReport } from './train.js';
export type { SaveOptions } from './resume.js';
export { Trainer } from './trainer.js';
export type { FedBatch, StepTerms, TrainerOptions } from './trainer-options.js';
export type { SchemeSpec } from './training-plan.js';
export { Vae, type Conditioned, type CreateOptions } from './vae.js';
