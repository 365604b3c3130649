/** Flows as ONNX operators: where the base's mean goes, which is what `encode` tells of them (src/vae/posteriors/flow.ts). */
import { SHIFT, TINY } from '../../posteriors/flow.js';
import { autoregressiveMasks, KEEP } from '../../posteriors/iaf.js';
import type { AutoregressiveSpec } from '../../posteriors/posterior-spec.js';
import { valuesOf, type GraphBuilder } from './graph.js';

/** A step's parts of the flow's parameters f32[batch, steps * P], of these widths. */
function partsOf(graph: GraphBuilder, parameters: string, step: number, widths: readonly number[]): string[] {
  let first = step * widths.reduce((a, b) => a + b);
  return widths.map((width) => {
    first += width;
    return graph.slice(parameters, 1, first - width, width);
  });
}

/** f32[batch, K] twice -> f32[batch, 1] */
const inner = (graph: GraphBuilder, a: string, b: string): string =>
  graph.op('ReduceSum', [graph.op('Mul', [a, b]), graph.integers([1])], { keepdims: 1 });

const softplus = (graph: GraphBuilder, x: string): string => graph.op('Softplus', [x]);

/** z + u tanh(w'z + b) at every step. */
export function planar(
  graph: GraphBuilder,
  steps: number,
  latent: number,
  mean: string,
  parameters: string,
): string {
  let z = mean;
  for (let step = 0; step < steps; step++) {
    const [raw, w, b] = partsOf(graph, parameters, step, [latent, latent, 1]) as [string, string, string];
    const along = inner(graph, w, raw);
    const bounded = graph.affine(softplus(graph, graph.affine(along, 1, SHIFT)), 1, -1);
    const pull = graph.op('Div', [
      graph.op('Sub', [bounded, along]),
      graph.affine(inner(graph, w, w), 1, TINY),
    ]);
    const u = graph.op('Add', [raw, graph.op('Mul', [pull, w])]);
    const h = graph.op('Tanh', [graph.op('Add', [inner(graph, w, z), b])]);
    z = graph.op('Add', [z, graph.op('Mul', [u, h])]);
  }
  return z;
}

/** z + beta (z - centre) / (alpha + |z - centre|) at every step. */
export function radial(
  graph: GraphBuilder,
  steps: number,
  latent: number,
  mean: string,
  parameters: string,
): string {
  let z = mean;
  for (let step = 0; step < steps; step++) {
    const [centre, a, b] = partsOf(graph, parameters, step, [latent, 1, 1]) as [string, string, string];
    const alpha = softplus(graph, a);
    const beta = graph.op('Sub', [softplus(graph, graph.op('Add', [a, b])), alpha]);
    const away = graph.op('Sub', [z, centre]);
    const r = graph.op('Sqrt', [graph.affine(inner(graph, away, away), 1, TINY)]);
    const pull = graph.op('Div', [beta, graph.op('Add', [alpha, r])]);
    z = graph.op('Add', [z, graph.op('Mul', [pull, away])]);
  }
  return z;
}

/** z' = a + g (z - a) at every step, a and the gate g from masked dense layers, whose masks are multiplied in here. */
export function inverseAutoregressive(
  graph: GraphBuilder,
  { steps, units, context }: AutoregressiveSpec,
  latent: number,
  mean: string,
  told: string,
): string {
  let z = mean;
  for (let step = 0; step < steps; step++) {
    const { hidden, output } = autoregressiveMasks(latent, units, step % 2 === 1);
    /** PyTorch's weights f32[outputs, inputs] where `isOpen(input, output)`. */
    const masked = (
      x: string,
      part: string,
      [outputs, inputs]: readonly [number, number],
      isOpen: (input: number, output: number) => boolean,
    ): string => {
      const name = `posterior.${step}.${part}`;
      const values = valuesOf(graph.weights, `${name}.weight`).map((value, i) =>
        isOpen(i % inputs, Math.floor(i / inputs)) ? value : 0,
      );
      const weight = graph.floats(values, [outputs, inputs]);
      return graph.op('Gemm', [x, weight, graph.weight(`${name}.bias`)], { transB: 1 });
    };
    const seen = graph.op('Concat', [z, told], { axis: 1 });
    const h = graph.op('Tanh', [masked(seen, 'hidden', [units, latent + context], hidden)]);
    const a = masked(h, 'a', [latent, units], output);
    const gate = graph.op('Sigmoid', [graph.affine(masked(h, 'gate', [latent, units], output), 1, KEEP)]);
    z = graph.op('Add', [a, graph.op('Mul', [gate, graph.op('Sub', [z, a])])]);
  }
  return z;
}
