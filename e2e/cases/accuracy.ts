/**
 * Plan: the errors that shaders/lib/math.wgsl states for its functions, which were measured on SwiftShader: ten
 * thousand arguments each, evenly spaced and, around zero, by magnitude. Other adapters may have a worse exp and
 * division and still conform; the tolerances of the other cases allow for that, these do not.
 */
import { noise, unary } from 'webgpu-vae/gpu';
import { unaryFunctions, type UnaryFunction } from '../reference/elementwise.js';
import { normalNoise } from '../reference/noise.js';
import { fromValues, map, type F64 } from '../reference/tensor.js';
import { each, everywhere } from '../tolerance.js';
import type { KernelCase } from './case.js';

interface Statement {
  readonly name: UnaryFunction;
  readonly from: number;
  readonly to: number;
  readonly relative?: number;
  readonly absolute?: number;
  /** Relative errors are of at least this. */
  readonly least?: number;
}

const statements: readonly Statement[] = [
  { name: 'log1p', from: -0.5, to: 1, relative: 3e-7 },
  { name: 'log', from: 0.5 + 2 ** -20, to: 2 - 2 ** -20, relative: 3e-7 },
  { name: 'expm1', from: -20, to: 0.5, relative: 4e-7 },
  { name: 'tanh', from: -100, to: 100, relative: 4e-7 },
  { name: 'softplus', from: -20, to: 1, absolute: 3e-7 },
  { name: 'erf', from: -10, to: 10, absolute: 6e-7 },
  { name: 'logGamma', from: 1e-3, to: 12, relative: 4e-7, least: 1 },
  { name: 'logGamma', from: 12, to: 1e6, relative: 4e-7 },
  { name: 'logGamma', from: 0.9, to: 2.1, relative: 1e-6 },
  { name: 'digamma', from: 1e-3, to: 12, relative: 7e-7, least: 1 },
  { name: 'digamma', from: 12, to: 1e6, relative: 5e-7 },
  { name: 'trigamma', from: 1e-3, to: 12, relative: 7e-7 },
  { name: 'trigamma', from: 12, to: 1e6, relative: 7e-7 },
];

const COUNT = 10_000;

/** Numbers from `from` to `to`, and every magnitude down to 1e-9 around `centre` that lies between them. */
function spread(from: number, to: number, centre: number): F64 {
  const even = Array.from({ length: COUNT }, (_, i) => from + ((to - from) * i) / (COUNT - 1));
  const close = Array.from({ length: COUNT / 2 }, (_, i) => 10 ** (-9 + (9 * i) / (COUNT / 2)));
  const around = close.flatMap((distance) => [centre - distance, centre + distance]);
  const values = [...even, ...around].map(Math.fround).filter((value) => value >= from && value <= to);
  return fromValues([values.length], values);
}

function statedCase({ name, from, to, relative = 0, absolute = 0, least = 0 }: Statement): KernelCase {
  return {
    name: `accuracy of ${name} on [${from.toPrecision(3)}, ${to.toPrecision(3)}]`,
    adapterClass: 'software',
    softwareOnly: true,
    build(graph) {
      const x = spread(from, to, name === 'log' ? 1 : 0);
      const y = map(x, unaryFunctions[name].value);
      graph.expect(
        'y',
        unary(name, graph.input('x', x)),
        y,
        each(y, (value) => absolute + relative * Math.max(least, value)),
      );
    },
  };
}

/** log_unit and cos_sin_turn are seen through the normals that they make. */
const normals: KernelCase = {
  name: 'accuracy of normal noise',
  adapterClass: 'software',
  softwareOnly: true,
  build(graph) {
    const expected = normalNoise([4 * COUNT], { low: 1, high: 2 }, 3);
    graph.steps = [{ seed: [1, 2], stream: 3 }];
    graph.expect('y', noise([4 * COUNT]), expected, everywhere(expected, 1e-6));
  },
};

export const accuracyCases: readonly KernelCase[] = [...statements.map(statedCase), normals];
