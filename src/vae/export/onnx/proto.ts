/**
 * ONNX files: protocol buffers, whose few messages are written here field by field with @bufbuild/protobuf's writer (why not
 * its generated code: docs/decisions/0011). Source: onnx/onnx, onnx.proto (field numbers), operator set 17.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { elementCount, type Shape } from '../../../gpu/shape.js';

const OPSET = 17;
/** What came with operator set 17. */
const IR_VERSION = 8;

/** TensorProto.DataType */
const FLOAT = 1;
const INT64 = 7;

/** AttributeProto.AttributeType */
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** A whole number, several, a name, or a float. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

export interface OnnxNode {
  readonly type: string;
  /** '' for one that is left out. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  readonly shape: Shape;
  readonly values: Float32Array | BigInt64Array;
}

/** What goes in or comes out, f32; a name stands for a size that is open. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

type Write = (writer: BinaryWriter) => void;

const message = (field: number, write: Write): Write => {
  return (writer) => {
    writer.tag(field, WireType.LengthDelimited).fork();
    write(writer);
    writer.join();
  };
};
const text = (field: number, value: string): Write => {
  return (writer) => writer.tag(field, WireType.LengthDelimited).string(value);
};
const integer = (field: number, value: number): Write => {
  return (writer) => writer.tag(field, WireType.Varint).int64(value);
};
const all = (writes: readonly Write[]): Write => {
  return (writer) => writes.forEach((write) => write(writer));
};

/** The bytes of a .onnx file. */
export function onnxBytes(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  all([
    integer(1, IR_VERSION),
    text(2, 'webgpu-vae'),
    message(7, graphFields(graph)),
    message(8, all([text(1, ''), integer(2, OPSET)])),
  ])(writer);
  return writer.finish();
}

function graphFields({ name, nodes, tensors, inputs, outputs }: OnnxGraph): Write {
  return all([
    ...nodes.map((node) => message(1, nodeFields(node))),
    text(2, name),
    ...[...tensors].map(([key, tensor]) => message(5, tensorFields(key, tensor))),
    ...inputs.map((value) => message(11, valueFields(value))),
    ...outputs.map((value) => message(12, valueFields(value))),
  ]);
}

function nodeFields({ type, inputs, output, attributes }: OnnxNode): Write {
  return all([
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, output),
    text(4, type),
    ...Object.entries(attributes).map(([name, value]) => message(5, attributeFields(name, value))),
  ]);
}

function attributeFields(name: string, value: OnnxAttribute): Write {
  const [type, write] = attributeValue(value);
  return all([text(1, name), write, integer(20, type)]);
}

function attributeValue(value: OnnxAttribute): [type: number, write: Write] {
  if (typeof value === 'number') return [ATTRIBUTE.int, integer(3, value)];
  if (typeof value === 'string') return [ATTRIBUTE.string, text(4, value)];
  if ('float' in value)
    return [ATTRIBUTE.float, (writer) => writer.tag(2, WireType.Bit32).float(value.float)];
  return [ATTRIBUTE.ints, all(value.map((item) => integer(8, item)))];
}

function tensorFields(name: string, { shape, values }: OnnxTensor): Write {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return all([
    ...shape.map((size) => integer(1, size)),
    integer(2, values instanceof Float32Array ? FLOAT : INT64),
    text(8, name),
    (writer) => writer.tag(9, WireType.LengthDelimited).bytes(raw),
  ]);
}

function valueFields({ name, shape }: OnnxValue): Write {
  const dimensions = shape.map((size) =>
    message(1, typeof size === 'number' ? integer(1, size) : text(2, size)),
  );
  const tensor = message(1, all([integer(1, FLOAT), message(2, all(dimensions))]));
  return all([text(1, name), message(2, tensor)]);
}

/** Bytes that the tensors take in the file. */
export function tensorByteLength({ tensors }: Pick<OnnxGraph, 'tensors'>): number {
  return [...tensors.values()].reduce((sum, { shape, values }) => {
    return sum + elementCount(shape) * values.BYTES_PER_ELEMENT;
  }, 0);
}
