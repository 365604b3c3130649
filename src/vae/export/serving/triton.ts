/** config.pbtxt of a Triton model repository (Triton Inference Server, "Model Configuration"). */
import type { OnnxGraph, OnnxValue } from '../onnx/proto.js';

/** Rows that the server puts together at most. */
const MAX_BATCH = 256;

/** The batch axis is the server's: `dims` are those behind it. */
function tensor({ name, shape }: OnnxValue): string {
  return `  {
    name: "${name}"
    data_type: TYPE_FP32
    dims: [ ${shape.slice(1).join(', ')} ]
  }`;
}

const tensors = (values: readonly OnnxValue[]): string => values.map(tensor).join(',\n');

export function tritonConfig({ name, inputs, outputs }: OnnxGraph): string {
  return `name: "${name}"
backend: "onnxruntime"
max_batch_size: ${MAX_BATCH}
input [
${tensors(inputs)}
]
output [
${tensors(outputs)}
]
dynamic_batching {
  max_queue_delay_microseconds: 1000
}
`;
}
