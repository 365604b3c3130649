/**
 * z as codewords: every group of `dimension` latents is the nearest row of a learned codebook. The encoder gets the decoder's
 * gradient as if nothing had been replaced; the codebook follows the encoder, and the encoder commits to the codebook. Van
 * den Oord, Vinyals and Kavukcuoglu 2017, section 3.2, equation 3.
 */
import { SpecError } from '../../gpu/errors.js';
import type { Tensor } from '../../gpu/graph.js';
import { add, binary, divide, multiply, subtract } from '../../gpu/ops/binary.js';
import { constant, reshape, stopGradient } from '../../gpu/ops/constant.js';
import { matmul } from '../../gpu/ops/matmul.js';
import { nearest, oneHot } from '../../gpu/ops/nearest.js';
import { sum } from '../../gpu/ops/sum.js';
import { affine, clamp, exp, log, negate, round, unary } from '../../gpu/ops/unary.js';
import { batchRows } from '../objectives/batch.js';
import type { Prior } from '../priors/prior.js';
import { repeatRows, squaredRows } from '../rows.js';
import { buildCodebook } from './codebook.js';
import type { VectorQuantizedSpec } from './posterior-spec.js';
import type { Posterior, PosteriorSite } from './posterior.js';

/** Smallest share of a codeword whose logarithm is taken: 0 log 0 is 0. */
const SMALLEST_SHARE = 1e-30;

/** The codebook is the weight `posterior.codebook`, or state. @throws SpecError when the latent is not whole codewords */
export function vectorQuantized(spec: VectorQuantizedSpec, { latent, weights }: PosteriorSite): Posterior {
  const { dimension, commitment } = spec;
  if (latent % dimension !== 0)
    throw new SpecError(
      'spec.posterior.dimension',
      `is ${dimension}; the latent has ${latent} numbers; expected a divisor of that`,
    );
  const groups = latent / dimension;
  const book = buildCodebook(spec, weights);
  const codebook = book.codewords;
  /** The moments as rows f32[B*G, D], the codeword chosen for each, one-hot f32[B*G, C], and the codewords f32[B, K]. */
  const quantize = (moments: Tensor): { rows: Tensor; choice: Tensor; codewords: Tensor } => {
    const [batch] = moments.shape as [number];
    const rows = stopGradient(reshape(moments, [batch * groups, dimension]));
    const choice = nearest(rows, stopGradient(codebook));
    return { rows, choice, codewords: reshape(matmul(choice, codebook), [batch, latent]) };
  };
  return {
    momentsWidth: latent,
    logVarianceWidth: 0,
    draw(moments, { samples }) {
      const { rows, choice, codewords } = quantize(moments);
      const [batch] = moments.shape as [number];
      const z = add(moments, stopGradient(subtract(codewords, moments)));
      return {
        z: repeatRows(z, samples),
        logDensity: constant([samples * batch], 0),
        penalty(mean) {
          const chosen = validRows(choice, batch);
          const counts = sum(chosen, [0]);
          const commitmentLoss = mean(squaredRows(subtract(moments, stopGradient(codewords))));
          const committed = affine(commitmentLoss, commitment, 0);
          const terms = { commitment: commitmentLoss, perplexity: perplexity(counts) };
          if (book.follow) return { loss: committed, terms, averages: book.follow(chosen, counts, rows) };
          const toCodewords = mean(squaredRows(subtract(stopGradient(moments), codewords)));
          return { loss: add(toCodewords, committed), terms };
        },
      };
    },
    summary: (moments) => quantize(moments).codewords,
    prior: uniformCodes(codebook, groups),
  };
}

/** One-hot rows f32[B*G, C] with zeros for those of padding. */
function validRows(choice: Tensor, batch: number): Tensor {
  const [rows, codes] = choice.shape as [number, number];
  const ofDatum = reshape(choice, [batch, (rows / batch) * codes]);
  return reshape(multiply(ofDatum, reshape(batchRows(batch).valid, [batch, 1])), [rows, codes]);
}

/** exp of the entropy of the codewords' shares in the batch, f32[1], from their counts: 1 where one is used, C where all are alike. */
function perplexity(counts: Tensor): Tensor {
  const shares = divide(counts, sum(counts));
  const logs = log(binary('maximum', shares, constant(counts.shape, SMALLEST_SHARE)));
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
