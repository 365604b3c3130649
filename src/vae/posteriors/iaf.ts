/**
 * Inverse autoregressive flow (Kingma et al. 2016, algorithm 1): z' = g z + (1 - g) a, with a and the gate g of each latent
 * made of the latents before it, so that log det = sum log g. The networks are MADEs (Germain et al. 2015): dense layers
 * times a mask. Every second step counts the latents from the end.
 */
import type { Tensor } from '../../gpu/graph.js';
import { add, multiply, subtract } from '../../gpu/ops/binary.js';
import { reshape, table } from '../../gpu/ops/constant.js';
import { sum } from '../../gpu/ops/sum.js';
import { activate, affine, negate } from '../../gpu/ops/unary.js';
import { concat } from '../../gpu/ops/concat.js';
import { affineMap } from '../layers/dense.js';
import { repeatRows } from '../rows.js';
import type { WeightFactory } from '../weights.js';
import { flow } from './flow.js';
import type { Posterior } from './posterior.js';
import type { AutoregressiveSpec } from './posterior-spec.js';

/** Added to the gate's logits, so that an untrained step keeps most of z (the paper's advice: +1 or +2). */
export const KEEP = 2;

/** z f32[R, K] and the datum's context f32[R, C] -> the gate's logits and a, f32[R, K]. */
type Network = (z: Tensor, context: Tensor) => { logits: Tensor; a: Tensor };

export function inverseAutoregressive(
  spec: AutoregressiveSpec,
  latent: number,
  weights: WeightFactory,
): Posterior {
  const networks = Array.from({ length: spec.steps }, (_, index) =>
    autoregressive(spec, latent, weights, index),
  );
  return flow(latent, 'context', spec.context, (start, parameters) => {
    const [samples, batch] = start.shape as [number, number];
    const context = repeatRows(parameters, samples);
    let z = reshape(start, [samples * batch, latent]);
    let closed: Tensor | undefined; // sum of -log g
    for (const network of networks) {
      const { logits, a } = network(z, context);
      z = add(a, multiply(activate(logits, 'sigmoid'), subtract(z, a)));
      const lost = activate(negate(logits), 'softplus');
      closed = closed ? add(closed, lost) : lost;
    }
    const logDeterminant = negate(sum(reshape(closed!, start.shape), [2], true));
    return { z: reshape(z, start.shape), logDeterminant };
  });
}

/** The network of one step: one hidden layer, its weights `posterior.INDEX.hidden`, `.a` and `.gate`. */
function autoregressive(
  { units, context }: AutoregressiveSpec,
  latent: number,
  weights: WeightFactory,
  index: number,
): Network {
  const name = `posterior.${index}`;
  const hidden = weights.linear(`${name}.hidden`, [latent + context], [units]);
  const a = weights.linear(`${name}.a`, [units], [latent]);
  const gate = weights.linear(`${name}.gate`, [units], [latent]);
  const isOpen = autoregressiveMasks(latent, units, index % 2 === 1);
  const masks = {
    hidden: mask(latent + context, units, isOpen.hidden),
    output: mask(units, latent, isOpen.output),
  };
  return (z, told) => {
    const masked = { weight: multiply(hidden.weight, masks.hidden), bias: hidden.bias };
    const h = activate(affineMap(concat([z, told], 1), masked), 'tanh');
    const out = (layer: typeof a): Tensor =>
      affineMap(h, { weight: multiply(layer.weight, masks.output), bias: layer.bias });
    return { logits: affine(out(gate), 1, KEEP), a: out(a) };
  };
}

/**
 * What is open of a hidden layer f32[K + C, units] and of an output f32[units, K]. Hidden unit j has the degree floor(j K / units):
 * it sees that many latents and all of the context, and is seen by the outputs of the latents behind them.
 */
export function autoregressiveMasks(
  latent: number,
  units: number,
  isReversed: boolean,
): Readonly<Record<'hidden' | 'output', (row: number, column: number) => boolean>> {
  const degree = (unit: number): number => Math.floor((unit * latent) / units);
  const place = (index: number): number => (isReversed ? latent - 1 - index : index);
  return {
    hidden: (row, unit) => row >= latent || place(row) < degree(unit),
    output: (unit, index) => degree(unit) <= place(index),
  };
}

/** f32[rows, columns] of ones where `isOpen`, zeros elsewhere. */
function mask(rows: number, columns: number, isOpen: (row: number, column: number) => boolean): Tensor {
  const values = Float32Array.from({ length: rows * columns }, (_, i) =>
    isOpen(Math.floor(i / columns), i % columns) ? 1 : 0,
  );
  return table([rows, columns], values);
}
