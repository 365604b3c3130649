/** The pipelines between textures and rows, and what reader and writer share. They record; only the caller submits. */
import type { Device } from '../../gpu/device.js';
import { ShaderError, SpecError } from '../../gpu/errors.js';
import { ceilDivide, type Shape } from '../../gpu/shape.js';
import { imageShaders } from './shaders.generated.js';

export type ImageShader = keyof typeof imageShaders;

/** `[H, W, C]` of an image, C 1 (grey) or 3 (RGB). */
export type ImageSizes = readonly [height: number, width: number, channels: 1 | 3];

/** Invocations of a workgroup along both axes. */
const WORKGROUP = 8;

/** @throws ShaderError when the device refuses the shader */
export async function imagePipeline({ gpu }: Device, name: ImageShader): Promise<GPUComputePipeline> {
  const label = `vae/${name}`;
  const module = gpu.createShaderModule({ label, code: imageShaders[name] });
  try {
    return await gpu.createComputePipelineAsync({
      label,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
  } catch (cause) {
    throw new ShaderError(`${name}.wgsl`, `the pipeline was refused: ${String(cause)}`, { cause });
  }
}

/** One invocation a pixel. */
export function recordPixels(
  encoder: GPUCommandEncoder,
  pipeline: GPUComputePipeline,
  bindGroup: GPUBindGroup,
  [height, width]: readonly [height: number, width: number],
): void {
  const pass = encoder.beginComputePass({ label: pipeline.label });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(ceilDivide(width, WORKGROUP), ceilDivide(height, WORKGROUP));
  pass.end();
}

/** @throws SpecError for a shape that is no image */
export function imageSizes(shape: Shape, where: string): ImageSizes {
  const [height = 0, width = 0, channels] = shape;
  if (shape.length !== 3 || !(height >= 1 && width >= 1) || (channels !== 1 && channels !== 3))
    throw new SpecError(
      where,
      `shape is [${shape.join(', ')}]; expected [height, width, channels] with 1 or 3 channels; pass spec.input of a model of images`,
    );
  return [height, width, channels];
}
