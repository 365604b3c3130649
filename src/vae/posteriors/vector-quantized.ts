/**
 * z as codewords: every group of `dimension` latents is the nearest row of a learned codebook. The encoder gets the decoder's
 * gradient as if nothing had been replaced; the codebook follows the encoder, and the encoder commits to the codebook. Van
 * den Oord, Vinyals and Kavukcuoglu 2017, section 3.2, equation 3.
 */
import { SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { add, binary, multiply, subtract } from '../../gpu/ops/binary.js';
import { constant, reshape, stopGradient } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { nearest, oneHot } from '../../gpu/ops/nearest.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, clamp, exp, log, negate, round, square, unary } from '../../gpu/ops/unary.js';
import { batchRows } from '../objectives/batch.js';
import type { Prior } from '../priors/prior.js';
import { repeatRows } from '../rows.js';
import type { VectorQuantizedSpec } from './posterior-spec.js';
import type { Posterior, PosteriorSite } from './posterior.js';

/** Smallest share of a codeword whose logarithm is taken: 0 log 0 is 0. */
const SMALLEST_SHARE = 1e-30;

/** The codebook is the weight `posterior.codebook`. @throws SpecError when the latent is not whole codewords */
export function vectorQuantized(
  { codes, dimension, commitment }: VectorQuantizedSpec,
  { latent, weights }: PosteriorSite,
): Posterior {
  if (latent % dimension !== 0)
    throw new SpecError(
      'spec.posterior.dimension',
      `is ${dimension}; the latent has ${latent} numbers; expected a divisor of that`,
    );
  const groups = latent / dimension;
  const codebook = weights.rows('posterior.codebook', codes, [dimension], -1 / codes, 1 / codes);
  /** The chosen codeword of every group, one-hot f32[B*G, C], and the codewords f32[B, K]. */
  const quantize = (moments: Tensor): { choice: Tensor; codewords: Tensor } => {
    const [batch] = moments.shape as [number];
    const choice = nearest(
      stopGradient(reshape(moments, [batch * groups, dimension])),
      stopGradient(codebook),
    );
    return { choice, codewords: reshape(matmul(choice, codebook), [batch, latent]) };
  };
  return {
    momentsWidth: latent,
    logVarianceWidth: 0,
    draw(moments, { samples }) {
      const { choice, codewords } = quantize(moments);
      const [batch] = moments.shape as [number];
      const z = add(moments, stopGradient(subtract(codewords, moments)));
      const distance = (a: Tensor, b: Tensor): Tensor => reshape(sum(square(subtract(a, b)), [1]), [batch]);
      return {
        z: repeatRows(z, samples),
        logDensity: constant([samples * batch], 0),
        penalty(mean) {
          const codebookLoss = mean(distance(stopGradient(moments), codewords));
          const commitmentLoss = mean(distance(moments, stopGradient(codewords)));
          return {
            loss: add(codebookLoss, affine(commitmentLoss, commitment, 0)),
            terms: { commitment: commitmentLoss, perplexity: perplexity(choice, batch) },
          };
        },
      };
    },
    summary: (moments) => quantize(moments).codewords,
    prior: uniformCodes(codebook, groups),
  };
}

/** exp of the entropy of the codewords' shares in the batch, f32[1]: 1 where one is used, C where all are alike. */
function perplexity(choice: Tensor, batch: number): Tensor {
  const [rows, codes] = choice.shape as [number, number];
  const groups = rows / batch;
  const { share } = batchRows(batch);
  const counted = multiply(reshape(choice, [batch, groups * codes]), reshape(share, [batch, 1]));
  const shares = affine(sum(reshape(counted, [rows, codes]), [0]), 1 / groups, 0);
  const logs = log(binary('maximum', shares, constant([codes], SMALLEST_SHARE)));
  return exp(negate(sum(multiply(shares, logs))));
}

/** Every codeword alike in every group: -G log C nats. One normal number of noise a group chooses one. */
function uniformCodes(codebook: Tensor, groups: number): Prior {
  const [codes, dimension] = codebook.shape as [number, number];
  return {
    isStandardNormal: false,
    logDensity: (z) => constant([z.shape[0]!], -groups * Math.log(codes)),
    noiseWidth: groups,
    draw(noise) {
      const [rows] = noise.shape as [number];
      const place = affine(unary('erf', affine(noise, Math.SQRT1_2, 0)), codes / 2, codes / 2 - 0.5);
      const index = clamp(round(reshape(place, [rows * groups])), 0, codes - 1);
      return reshape(matmul(oneHot(index, codes), codebook), [rows, groups * dimension]);
    },
  };
}
