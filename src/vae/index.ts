/** Variational autoencoders: specification, training, evaluation, checkpoints. */
export {
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
  type TensorToWrite,
} from './checkpoint/safetensors.js';
export {
  convBiasFromTorch,
  convBiasToTorch,
  convWeightFromTorch,
  convWeightToTorch,
  type ConvWeight,
  type FourSizes,
  type TorchTensor,
} from './convert/convolution.js';
export {
  deconvFromTorch,
  deconvToTorch,
  type Deconvolution,
  type TransposedOptions,
  type TransposedWeights,
} from './convert/transposed-convolution.js';
export { readCifar10, type Cifar10Batch } from './data/cifar.js';
export type * from './layer-spec.js';
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
export type { EvaluateOptions } from './evaluate.js';
export {
  objectiveNames,
  type ObjectiveInput,
  type ObjectiveSpec,
  type ObjectiveType,
} from './objectives/objective-spec.js';
export { optimizerNames, type OptimizerSpec } from './optimizers/optimizer.js';
export {
  completeSpec,
  type CompleteSpec,
  type LikelihoodSpec,
  type ScaleSpec,
  type VaeSpec,
} from './spec.js';
export { bitsPerDimension, type Terms } from './terms.js';
export type { EpochReport, Spread, TrainOptions, TrainProgress, TrainReport } from './train.js';
export { Trainer, type FedBatch, type StepTerms, type TrainerOptions } from './trainer.js';
export { Vae, type CreateOptions } from './vae.js';
