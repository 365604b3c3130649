/** webgpu-vae: train and run variational autoencoders on any WebGPU device. */
export * from './gpu/errors.js';
export { Device, type OpenDeviceOptions, type TuningOptions } from './gpu/device.js';
export type { Activation } from './gpu/ops/activation.js';
export type { Estimator, PosteriorFamily } from './gpu/ops/reparameterize.js';
export type { TuneTable } from './gpu/tuning.js';
export * from './vae/index.js';
