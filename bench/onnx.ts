/**
 * The decoder as an ONNX model. ONNX is protocol buffers: a message is a list of fields, each a number (field << 3 |
 * type) and a value; the few that a small graph needs are written here by hand.
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers), operator set 13.
 */
import type { DecodeTask } from './conv-task.js';
import type { Tensor } from './tensor.js';

const OPSET = 13;
const IR_VERSION = 7;
const FLOAT = 1;
const INT64 = 7;
/** AttributeProto.AttributeType */
const ATTRIBUTE = { int: 2, ints: 7 };

type Bytes = readonly number[] | Uint8Array;

function varint(value: number): number[] {
  const digits: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...digits, rest];
    digits.push((rest % 128) + 128);
  }
}

function join(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const integer = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];

/** A string, bytes or a message. */
function bytes(field: number, value: Bytes | string): Uint8Array {
  const content = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return join([varint(field * 8 + 2), varint(content.length), content]);
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
function tensor(name: string, shape: readonly number[], type: number, data: ArrayBufferView): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return join([...shape.map((size) => integer(1, size)), integer(2, type), bytes(8, name), bytes(9, raw)]);
}

/** AttributeProto: name 1, i 3, ints 8, type 20. */
function attribute(name: string, value: number | readonly number[]): Uint8Array {
  return typeof value === 'number'
    ? join([bytes(1, name), integer(3, value), integer(20, ATTRIBUTE.int)])
    : join([bytes(1, name), ...value.map((v) => integer(8, v)), integer(20, ATTRIBUTE.ints)]);
}

/** NodeProto: input 1, output 2, op_type 4, attribute 5. */
function node(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Uint8Array {
  return join([
    ...inputs.map((name) => bytes(1, name)),
    bytes(2, output),
    bytes(4, type),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  ]);
}

/** ValueInfoProto: name 1, type 2 (tensor_type 1: elem_type 1, shape 2 (dim 1: dim_value 1)). */
function valueInfo(name: string, shape: readonly number[]): Uint8Array {
  const dimensions = join(shape.map((size) => bytes(1, integer(1, size))));
  return join([bytes(1, name), bytes(2, bytes(1, join([integer(1, FLOAT), bytes(2, dimensions)])))]);
}

const float = (name: string, { shape, values }: Tensor): Uint8Array => tensor(name, shape, FLOAT, values);
const shapeOf = (name: string, shape: readonly number[]): Uint8Array =>
  tensor(name, [shape.length], INT64, BigInt64Array.from(shape, BigInt));

const names = (layer: string): string[] => [`${layer}.weight`, `${layer}.bias`];

/** `y` f32[1, 784] of `z` f32[1, 16], as the bytes of a .onnx file. */
export function decoderModel({ weights, z }: DecodeTask): Uint8Array<ArrayBuffer> {
  const geometry = { kernel_shape: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1] };
  const nodes = [
    node('Gemm', ['z', ...names('decoder')], 'dense', { transB: 1 }),
    node('Relu', ['dense'], 'units'),
    node('Reshape', ['units', 'imageShape'], 'image'),
    node('ConvTranspose', ['image', ...names('deconv1')], 'first', geometry),
    node('Relu', ['first'], 'features'),
    node('ConvTranspose', ['features', ...names('deconv2')], 'logits', geometry),
    node('Sigmoid', ['logits'], 'pixels'),
    node('Reshape', ['pixels', 'flatShape'], 'y'),
  ];
  const used = Object.entries(weights).filter(([name]) => name.startsWith('dec'));
  const graph = join([
    ...nodes.map((content) => bytes(1, content)),
    bytes(2, 'decoder'),
    ...used.map(([name, weight]) => bytes(5, float(name, weight))),
    bytes(5, shapeOf('imageShape', [1, 64, 7, 7])),
    bytes(5, shapeOf('flatShape', [1, 784])),
    bytes(11, valueInfo('z', z.shape)),
    bytes(12, valueInfo('y', [1, 784])),
  ]);
  return join([integer(1, IR_VERSION), bytes(7, graph), bytes(8, integer(2, OPSET))]);
}
