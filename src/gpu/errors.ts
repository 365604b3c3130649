/**
 * Every error the library throws on purpose. A message reads
 * `[where] what came; what was expected; what to do`, so that the cure stands beside the fault.
 */

/** Base class: `catch (e) { if (e instanceof VaeError) ... }` separates our refusals from bugs. */
export class VaeError extends Error {
  /** The op, file, or option that refused. */
  readonly where: string;
  constructor(where: string, message: string, options?: ErrorOptions) {
    super(`[${where}] ${message}`, options);
    this.where = where;
    this.name = new.target.name;
  }
}

/** Tensor shapes or dtypes that do not fit an op. */
export class ShapeError extends VaeError {}
/** A model specification or an option that cannot be built. */
export class SpecError extends VaeError {}
/** Data that cannot be read or that the model cannot be trained on. */
export class DataError extends VaeError {}
/** A checkpoint that is broken, hostile, or made for another model. */
export class CheckpointError extends VaeError {}
/** No adapter, a limit too small, or a lost device. */
export class DeviceError extends VaeError {}
/** The GPU refused an allocation, or a plan exceeds the byte budget. */
export class OutOfMemoryError extends DeviceError {}
/** A gradient that is not the derivative of its op. */
export class GradientError extends VaeError {}
/** A WGSL module or a pipeline that the device rejects. */
export class ShaderError extends VaeError {}
/** A NaN or an infinity reached a loss, a gradient or a weight. */
export class NumericError extends VaeError {}
