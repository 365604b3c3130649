/** webgpu-vae/export: models leave for PyTorch and ONNX, and come from PyTorch. */
export {
  convBiasFromTorch,
  convBiasToTorch,
  convWeightFromTorch,
  convWeightToTorch,
  type ConvWeight,
  type FourSizes,
  type TorchTensor,
} from '../convert/convolution.js';
export {
  deconvFromTorch,
  deconvToTorch,
  transposedLayer,
  type Deconvolution,
  type TransposedOptions,
  type TransposedWeights,
} from '../convert/transposed-convolution.js';
export { importTorch, type ImportOptions } from './from-torch.js';
export type { ExportedFiles, ExportSource } from './source.js';
export { exportOnnx, onnxGraphs, type OnnxGraphName, type OnnxOptions } from './to-onnx.js';
export { exportTorch } from './to-torch.js';
