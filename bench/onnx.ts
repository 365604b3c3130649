/** The benchmark's decoder as an ONNX model. Its weights are a ConvTranspose2d's, so the graph is its own; the writer is ours. */
import { onnxBytes, type OnnxNode, type OnnxTensor } from '../src/vae/export/onnx/proto.js';
import type { DecodeTask } from './conv-task.js';

const node = (
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: OnnxNode['attributes'] = {},
): OnnxNode => ({ type, inputs, output, attributes });

const shape = (sizes: readonly number[]): OnnxTensor => ({
  shape: [sizes.length],
  values: BigInt64Array.from(sizes, BigInt),
});

const names = (layer: string): string[] => [`${layer}.weight`, `${layer}.bias`];

/** `y` f32[1, 784] of `z` f32[1, 16], as the bytes of a .onnx file. */
export function decoderModel({ weights, z }: DecodeTask): Uint8Array<ArrayBuffer> {
  const geometry = { kernel_shape: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1] };
  const used = Object.entries(weights).filter(([name]) => name.startsWith('dec'));
  return onnxBytes({
    name: 'decoder',
    nodes: [
      node('Gemm', ['z', ...names('decoder')], 'dense', { transB: 1 }),
      node('Relu', ['dense'], 'units'),
      node('Reshape', ['units', 'imageShape'], 'image'),
      node('ConvTranspose', ['image', ...names('deconv1')], 'first', geometry),
      node('Relu', ['first'], 'features'),
      node('ConvTranspose', ['features', ...names('deconv2')], 'logits', geometry),
      node('Sigmoid', ['logits'], 'pixels'),
      node('Reshape', ['pixels', 'flatShape'], 'y'),
    ],
    tensors: new Map([
      ...used.map(([name, weight]) => [name, weight] as const),
      ['imageShape', shape([1, 64, 7, 7])],
      ['flatShape', shape([1, 784])],
    ]),
    inputs: [{ name: 'z', shape: z.shape }],
    outputs: [{ name: 'y', shape: [1, 784] }],
  });
}
