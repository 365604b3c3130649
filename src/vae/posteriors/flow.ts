/**
 * A diagonal Gaussian bent by invertible maps: log q(z_T) = log q(z_0) - sum log |det dz_t/dz_(t-1)|. Planar and radial maps
 * and their invertible parameterisations: Rezende and Mohamed 2015, section 4.1 and appendix A. The encoder makes the maps'
 * parameters; where those are 0 a map is the identity.
 */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape } from '../../gpu/ops/constant.js';
import { sum } from '../../gpu/ops/sum.js';
import { activate, affine, log, square, unary } from '../../gpu/ops/unary.js';
import { slice } from '../../gpu/ops/window.js';
import { gaussian } from './gaussian.js';
import type { Posterior } from './posterior.js';

/** A map's image f32[S, B, K] and the logarithm of its determinant, f32[S, B, 1]. */
interface Bent {
  readonly z: Tensor;
  readonly logDeterminant: Tensor;
}

/** The part of z's base that is bent, and what bends it: z f32[S, B, K], parameters f32[B, P]. */
type Bend = (z: Tensor, parameters: Tensor) => Bent;

/** softplus(x + SHIFT) - 1 is 0 at 0: the appendix's m(x), moved so that u = 0 bends nothing. */
const SHIFT = Math.log(Math.E - 1);

/** Keeps the quotient by |w|^2, and the square root's slope, finite at 0. */
const TINY = 1e-12;

/** A posterior whose base is bent by `bend`, told `columns` further moments, which files call `name`. */
export function flow(latent: number, name: string, columns: number, bend: Bend): Posterior {
  const base = gaussian('diagonal', latent);
  const bentBy = (z: Tensor, moments: Tensor): Bent => {
    const [batch] = moments.shape as [number];
    const parameters = slice(moments, 1, 2 * latent, columns);
    return scoped('flow', () => bend(reshape(z, [z.shape[0]! / batch, batch, latent]), parameters));
  };
  return {
    momentsWidth: 2 * latent + columns,
    furtherMoments: { [name]: columns },
    logVarianceWidth: 0,
    draw(moments, options) {
      const start = base.draw(slice(moments, 1, 0, 2 * latent), options);
      const { z, logDeterminant } = bentBy(start.z, moments);
      const rows = start.logDensity.shape;
      return {
        z: reshape(z, start.z.shape),
        logDensity: subtract(start.logDensity, reshape(logDeterminant, rows)),
      };
    },
    // A bent density has no mean in closed form; this is where the base's mean goes.
    summary(moments) {
      const mean = slice(moments, 1, 0, latent);
      return reshape(bentBy(mean, moments).z, mean.shape);
    },
  };
}

/** `steps` maps after one another, each with `columns` of the parameters. */
function inTurn(steps: number, columns: number, bend: Bend): Bend {
  return (start, parameters) => {
    let z = start;
    let total: Tensor | undefined;
    for (let step = 0; step < steps; step++) {
      const bent = bend(z, slice(parameters, 1, step * columns, columns));
      z = bent.z;
      total = total ? add(total, bent.logDeterminant) : bent.logDeterminant;
    }
    return { z, logDeterminant: total! };
  };
}

/** Columns of f32[B, P] as f32[1, B, count]. */
function columnsOf(parameters: Tensor, first: number, count: number): Tensor {
  return reshape(slice(parameters, 1, first, count), [1, parameters.shape[0]!, count]);
}

const inner = (a: Tensor, b: Tensor): Tensor => sum(multiply(a, b), [2], true);

/** z + u tanh(w'z + b) with parameters u, w and b; u is moved along w so that w'u > -1. */
export function planar(steps: number, latent: number): Posterior {
  const columns = 2 * latent + 1;
  const bend: Bend = (z, parameters) => {
    const w = columnsOf(parameters, latent, latent);
    const raw = columnsOf(parameters, 0, latent);
    const along = inner(w, raw);
    const bounded = affine(activate(affine(along, 1, SHIFT), 'softplus'), 1, -1);
    const correction = divide(subtract(bounded, along), affine(inner(w, w), 1, TINY));
    const u = add(raw, multiply(correction, w));
    const h = activate(add(inner(w, z), columnsOf(parameters, 2 * latent, 1)), 'tanh');
    // 1 + (1 - h^2) w'u, and w'u = bounded
    const determinant = affine(multiply(affine(square(h), -1, 1), bounded), 1, 1);
    return { z: add(z, multiply(u, h)), logDeterminant: log(determinant) };
  };
  return flow(latent, 'flow', steps * columns, inTurn(steps, columns, bend));
}

/** z + beta (z - centre) / (alpha + r) with r = |z - centre|; alpha > 0, and beta > -alpha. */
export function radial(steps: number, latent: number): Posterior {
  const columns = latent + 2;
  const bend: Bend = (z, parameters) => {
    const rawAlpha = columnsOf(parameters, latent, 1);
    const alpha = activate(rawAlpha, 'softplus');
    // -alpha + softplus(.), its argument moved so that 0 gives beta = 0
    const shifted = add(rawAlpha, columnsOf(parameters, latent + 1, 1));
    const beta = subtract(activate(shifted, 'softplus'), alpha);
    const away = subtract(z, columnsOf(parameters, 0, latent));
    const r = unary('sqrt', affine(inner(away, away), 1, TINY));
    const h = unary('reciprocal', add(alpha, r));
    const pull = multiply(beta, h);
    // (1 + beta h)^(K - 1) (1 + beta h + beta h' r), and h + h' r = alpha h^2
    const along = log(affine(multiply(multiply(pull, alpha), h), 1, 1));
    const logDeterminant = add(affine(log(affine(pull, 1, 1)), latent - 1, 0), along);
    return { z: add(z, multiply(pull, away)), logDeterminant };
  };
  return flow(latent, 'flow', steps * columns, inTurn(steps, columns, bend));
}
