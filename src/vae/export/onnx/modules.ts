/** The modules of a network as ONNX operators, in evaluation: dropout is not there, BatchNorm uses its running statistics. */
import type { Activation } from '../../../gpu/ops/activation.js';
import { elementCount } from '../../../gpu/shape.js';
import type { Module } from '../network.js';
import type { GraphBuilder } from './graph.js';

/** Modules one after another; their weights are `prefix.index`. */
export function runModules(
  graph: GraphBuilder,
  modules: readonly Module[],
  x: string,
  prefix: string,
): string {
  return modules.reduce((value, module, index) => run(graph, module, value, `${prefix}.${index}`), x);
}

const CHANNELS_LAST = { perm: [0, 2, 3, 1] };
const CHANNELS_FIRST = { perm: [0, 3, 1, 2] };

function run(graph: GraphBuilder, module: Module, x: string, name: string): string {
  const { shape } = module;
  switch (module.type) {
    case 'flatten':
      return graph.op('Flatten', [x], { axis: 1 });
    case 'unflatten':
      return graph.reshape(x, shape);
    case 'reorder':
      return reorder(graph, module.from, module.to, x);
    case 'linear':
      return graph.linear(x, name);
    case 'conv': {
      const { kernel, stride, padding } = module;
      return convolution(graph, x, name, {
        kernel_shape: kernel,
        strides: stride,
        pads: [...padding, ...padding],
      });
    }
    case 'pad': {
      const [top, bottom, left, right] = module.sides;
      return graph.op('Pad', [x, graph.integers([0, 0, top, left, 0, 0, bottom, right])]);
    }
    case 'pixelShuffle':
      // CRD: channels in PyTorch's order (o, ry, rx)
      return graph.op('DepthToSpace', [x], { blocksize: module.factor, mode: 'CRD' });
    case 'upsample':
      return graph.op('Resize', [x, '', graph.floats([1, 1, module.factor, module.factor], [4])], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      });
    case 'activation':
      return activate(graph, module.activation, x);
    case 'groupNorm':
    case 'layerNorm':
    case 'batchNorm':
      return normalize(graph, module, x, name);
    case 'averagePool':
    case 'maxPool': {
      const { kernel, stride, padding } = module;
      const attributes = { kernel_shape: kernel, strides: stride, pads: [...padding, ...padding] };
      return module.type === 'maxPool'
        ? graph.op('MaxPool', [x], attributes)
        : graph.op('AveragePool', [x], { ...attributes, count_include_pad: 1 });
    }
    case 'dropout':
      return x;
    case 'attention':
      return attention(graph, shape as [number, number, number], x, name);
    case 'residual': {
      const inner = runModules(graph, module.modules, x, `${name}.layers`);
      const straight = module.inputs === undefined ? x : convolution(graph, x, `${name}.shortcut`, {});
      return graph.op('Add', [straight, inner]);
    }
  }
}

function convolution(
  graph: GraphBuilder,
  x: string,
  name: string,
  attributes: Readonly<Record<string, readonly number[]>>,
): string {
  return graph.op('Conv', [x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)], attributes);
}

/** What comes through ONNX's own operators of the same meaning. */
const operators: Readonly<Partial<Record<Activation, string>>> = {
  identity: 'Identity',
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  softplus: 'Softplus',
};

function activate(graph: GraphBuilder, activation: Activation, x: string): string {
  if (activation === 'leakyRelu') return graph.op('LeakyRelu', [x], { alpha: { float: 0.01 } });
  if (activation === 'silu') return graph.op('Mul', [x, graph.op('Sigmoid', [x])]);
  if (activation === 'gelu') {
    const share = graph.affine(graph.op('Erf', [graph.affine(x, Math.SQRT1_2, 0)]), 0.5, 0.5);
    return graph.op('Mul', [x, share]);
  }
  return graph.op(operators[activation]!, [x]);
}

function normalize(
  graph: GraphBuilder,
  module: Extract<Module, { type: 'groupNorm' | 'layerNorm' | 'batchNorm' }>,
  x: string,
  name: string,
): string {
  const { type, shape } = module;
  const epsilon = { epsilon: { float: module.epsilon } };
  const isImage = shape.length === 3;
  if (type === 'batchNorm') {
    const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
      graph.weight(`${name}.${part}`),
    );
    return graph.op('BatchNormalization', [x, ...parts], epsilon);
  }
  if (type === 'groupNorm') return groupNorm(graph, module.groups, shape, x, name, epsilon);
  const parts = [graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)];
  const last = isImage ? graph.op('Transpose', [x], CHANNELS_LAST) : x;
  const normal = graph.op('LayerNormalization', [last, ...parts], { axis: -1, ...epsilon });
  return isImage ? graph.op('Transpose', [normal], CHANNELS_FIRST) : normal;
}

/** Groups as the channels of an InstanceNormalization: GroupNormalization came with operator set 18. */
function groupNorm(
  graph: GraphBuilder,
  groups: number,
  shape: readonly number[],
  x: string,
  name: string,
  epsilon: { epsilon: { float: number } },
): string {
  const all = (value: number): string =>
    graph.floats(
      Array.from({ length: groups }, () => value),
      [groups],
    );
  const grouped = graph.reshape(x, [groups, -1]);
  const normal = graph.reshape(graph.op('InstanceNormalization', [grouped, all(1), all(0)], epsilon), shape);
  const wide = [shape[0]!, ...shape.slice(1).map(() => 1)];
  const scaled = graph.op('Mul', [normal, graph.weight(`${name}.weight`, wide)]);
  return graph.op('Add', [scaled, graph.weight(`${name}.bias`, wide)]);
}

/** x + output(softmax(q k' / sqrt(C)) v) over pixels. */
function attention(
  graph: GraphBuilder,
  [C, H, W]: readonly [number, number, number],
  x: string,
  name: string,
): string {
  const swapped = (value: string): string => graph.op('Transpose', [value], { perm: [0, 2, 1] });
  const pixels = swapped(graph.reshape(x, [C, H * W]));
  const linear = (value: string, part: string): string => {
    const weight = graph.op('Transpose', [graph.weight(`${name}.${part}.weight`)], { perm: [1, 0] });
    return graph.op('Add', [graph.op('MatMul', [value, weight]), graph.weight(`${name}.${part}.bias`)]);
  };
  const keys = swapped(linear(pixels, 'key'));
  const scores = graph.affine(graph.op('MatMul', [linear(pixels, 'query'), keys]), 1 / Math.sqrt(C), 0);
  const shares = graph.op('Softmax', [scores], { axis: -1 });
  const y = linear(graph.op('MatMul', [shares, linear(pixels, 'value')]), 'output');
  return graph.op('Add', [x, graph.reshape(swapped(y), [C, H, W])]);
}

/** Numbers in our order of (row, column, channel) as another image. */
function reorder(graph: GraphBuilder, from: readonly number[], to: readonly number[], x: string): string {
  const [H, W, C] = from;
  const ours = from.length === 3 ? graph.op('Transpose', [graph.reshape(x, [C!, H!, W!])], CHANNELS_LAST) : x;
  const flat = from.length === 3 ? graph.reshape(ours, [elementCount(from)]) : ours;
  return graph.op('Transpose', [graph.reshape(flat, to)], CHANNELS_FIRST);
}
