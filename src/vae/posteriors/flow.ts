/**
 * A diagonal Gaussian bent by invertible maps: log q(z_T) = log q(z_0) - sum log |det dz_t/dz_(t-1)|. Planar and radial maps
 * and their invertible parameterisations: Rezende and Mohamed 2015, section 4.1 and appendix A. The encoder makes the maps'
 * parameters; where those are 0 a map is the identity.
 */
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { concat } from '../../gpu/ops/concat.js';
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
export const SHIFT = Math.log(Math.E - 1);

/** Keeps the quotient by |w|^2, and the square root's slope, finite at 0. */
export const TINY = 1e-12;

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

/** The parameters f32[B, steps * P] of all steps, cut into P's parts of these widths: f32[B, steps, width] each. */
function partsOf(parameters: Tensor, steps: number, widths: readonly number[]): Tensor[] {
  const [batch, columns] = parameters.shape as [number, number];
  const all = reshape(parameters, [batch, steps, columns / steps]);
  let first = 0;
  return widths.map((width) => {
    first += width;
    return slice(all, 2, first - width, width);
  });
}

/** One step's numbers f32[1, B, width] of f32[B, steps, width]. */
function at(step: number, x: Tensor): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  return reshape(slice(x, 1, step, 1), [1, batch, width]);
}

/** f32[B, steps, 1] -> f32[1, B, steps]. */
function besides(x: Tensor): Tensor {
  const [batch, steps] = x.shape as [number, number];
  return reshape(x, [1, batch, steps]);
}

const inner = (a: Tensor, b: Tensor): Tensor => sum(multiply(a, b), [2], true);

/** z + u tanh(w'z + b) with parameters u, w and b; u is moved along w so that w'u > -1. */
export function planar(steps: number, latent: number): Posterior {
  const bend: Bend = (start, parameters) => {
    const [raw, w, b] = partsOf(parameters, steps, [latent, latent, 1]) as [Tensor, Tensor, Tensor];
    const along = inner(w, raw);
    const bounded = affine(activate(affine(along, 1, SHIFT), 'softplus'), 1, -1);
    const u = add(raw, multiply(divide(subtract(bounded, along), affine(inner(w, w), 1, TINY)), w));
    let z = start;
    const heights = Array.from({ length: steps }, (_, step) => {
      const h = activate(add(inner(at(step, w), z), at(step, b)), 'tanh');
      z = add(z, multiply(at(step, u), h));
      return h;
    });
    // 1 + (1 - h^2) w'u, and w'u = bounded
    const slope = affine(square(concat(heights, 2)), -1, 1);
    const determinants = affine(multiply(slope, besides(bounded)), 1, 1);
    return { z, logDeterminant: sum(log(determinants), [2], true) };
  };
  return flow(latent, 'flow', steps * (2 * latent + 1), bend);
}

/** z + beta (z - centre) / (alpha + r) with r = |z - centre|; alpha > 0, and beta > -alpha. */
export function radial(steps: number, latent: number): Posterior {
  const bend: Bend = (start, parameters) => {
    const [centre, a, b] = partsOf(parameters, steps, [latent, 1, 1]) as [Tensor, Tensor, Tensor];
    const alpha = activate(a, 'softplus');
    // -alpha + softplus(.), its argument moved so that 0 gives beta = 0
    const beta = subtract(activate(add(a, b), 'softplus'), alpha);
    let z = start;
    const heights = Array.from({ length: steps }, (_, step) => {
      const away = subtract(z, at(step, centre));
      const r = unary('sqrt', affine(inner(away, away), 1, TINY));
      const h = unary('reciprocal', add(at(step, alpha), r));
      z = add(z, multiply(multiply(at(step, beta), h), away));
      return h;
    });
    // (1 + beta h)^(K - 1) (1 + beta h + beta h' r), and h + h' r = alpha h^2
    const h = concat(heights, 2);
    const pull = multiply(besides(beta), h);
    const along = log(affine(multiply(multiply(pull, besides(alpha)), h), 1, 1));
    const across = affine(log(affine(pull, 1, 1)), latent - 1, 0);
    return { z, logDeterminant: sum(add(across, along), [2], true) };
  };
  return flow(latent, 'flow', steps * (latent + 2), bend);
}
