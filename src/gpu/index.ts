/** The runtime: graphs of WGSL kernels on WebGPU, without any notion of a VAE. */
export { BufferGroup } from './buffer-group.js';
export { checkGradients, type CheckGradientsOptions, type GradientReport } from './check-gradients.js';
export { Device, type OpenDeviceOptions, type TuningOptions } from './device.js';
export {
  dispatch,
  elementGrid,
  rowGrid,
  type AdapterClass,
  type Dispatch,
  type DispatchContext,
  type Operand,
  type Workgroups,
} from './dispatch.js';
export * from './errors.js';
export { Executable, type ExecutableOptions, type StepValues } from './executable.js';
export { gradient, vectorJacobian } from './gradient.js';
export {
  apply,
  applyOne,
  scoped,
  streamingCost,
  Tensor,
  type BackwardRule,
  type BackwardTools,
  type Cost,
  type NoBackward,
  type Node,
  type OpDefinition,
  type Step,
} from './graph.js';
export { defineKernel, type Kernel, type KernelDeclaration, type OwnKernel } from './kernel-declaration.js';
export { MetricRing } from './metrics.js';
export {
  activate,
  affine,
  clamp,
  digamma,
  exp,
  log,
  logGamma,
  negate,
  round,
  square,
  unary,
} from './ops/unary.js';
export type { Activation } from './ops/activation.js';
export { attention } from './ops/attention.js';
export { add, binary, broadcastTo, divide, multiply, subtract } from './ops/binary.js';
export { concat } from './ops/concat.js';
export { constant, input, reshape, stopGradient, table } from './ops/constant.js';
export {
  conv2d,
  convGeometry,
  convInputGradient,
  convWeightGradient,
  type ConvGeometry,
  type ConvOptions,
} from './ops/conv.js';
export { depthToSpace, spaceToDepth } from './ops/depth-to-space.js';
export { dropout } from './ops/dropout.js';
export { gather } from './ops/gather.js';
export { likelihood } from './ops/likelihood.js';
export { logSumExp } from './ops/log-sum-exp.js';
export { matmul } from './ops/matmul.js';
export { lowest, nearest, oneHot } from './ops/nearest.js';
export { noise, uniformNoise } from './ops/noise.js';
export { batchNorm, groupNorm, layerNorm, type BatchNormOptions } from './ops/normalize.js';
export { objective, rowWeights } from './ops/objective.js';
export { permuteColumns } from './ops/permute-columns.js';
export { averagePool, maxPool, sumPool, type PoolOptions } from './ops/pool.js';
export { reparameterize, type Estimator, type PosteriorFamily } from './ops/reparameterize.js';
export { softmax } from './ops/softmax.js';
export { sum, sumTo } from './ops/sum.js';
export { triangular, triangularOuter, type TriangularForm } from './ops/triangular.js';
export { upsample } from './ops/upsample.js';
export { pad, slice } from './ops/window.js';
export { ParameterSet } from './parameters.js';
export { makePlan, type Plan, type PlanRequest } from './plan.js';
export { readBuffer, snapshot, type BufferRange } from './readback.js';
export { describeShape, elementCount, sameShape, type Shape } from './shape.js';
export { readTuneTable, type ProductKey, type Tiling, type TuneTable, type Tuning } from './tuning.js';
export { Scheduler, type DispatchTime, type SchedulerOptions } from './scheduler.js';
