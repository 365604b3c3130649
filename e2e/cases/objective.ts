/**
 * Plan: the rows' weights, the loss of a batch with its terms, and the loss's gradient.
 * - rows 1 to 130, around the 64 lanes of the reduction; 1 and 3 samples;
 * - whole batches (control), short last ones down to a single row; beta 1, 0 and 4.5.
 */
import { gradient, objective, rowWeights } from 'webgpu-vae/gpu';
import {
  objective as reference,
  objectiveBackward,
  rowWeights as referenceWeights,
} from '../reference/objective.js';
import { fromValues, map, randomNormal, type F64 } from '../reference/tensor.js';
import { each, tolerances } from '../tolerance.js';
import { rowClasses, type AdapterClass, type CaseGraph, type KernelCase } from './case.js';

interface Row {
  readonly batch: number;
  readonly samples: number;
  readonly rowCount: number;
  readonly beta: number;
}

const table: readonly Row[] = [
  { batch: 32, samples: 1, rowCount: 32, beta: 1 }, // control
  { batch: 1, samples: 1, rowCount: 1, beta: 1 },
  { batch: 31, samples: 1, rowCount: 17, beta: 4.5 },
  { batch: 33, samples: 3, rowCount: 32, beta: 0.25 },
  { batch: 64, samples: 1, rowCount: 1, beta: 1 },
  { batch: 65, samples: 2, rowCount: 65, beta: 0 },
  { batch: 300, samples: 1, rowCount: 299, beta: 1 },
];

function build(graph: CaseGraph, { batch, samples, rowCount, beta }: Row): void {
  const rows = batch * samples;
  const [kl, reconstruction] = [randomNormal([rows], 1, 10), randomNormal([rows], 2, 100)];
  graph.steps = [{ row_count: rowCount, beta }];
  const tensors = {
    kl: graph.input('kl', kl),
    reconstruction: graph.input('reconstruction', reconstruction),
  };
  const weights = rowWeights(batch, samples);
  const { loss, terms } = objective(tensors.reconstruction, tensors.kl, weights);
  const options = { batch, rowCount, beta };
  const expectedWeights = referenceWeights(rows, options);
  const betas = map(expectedWeights, (w) => beta * w);
  // A product, a division (2.5 units) and, for beta, another product.
  const ofWeight = (w: number): number => tolerances.rounded(5, w);
  graph.expect(
    'reconstructionWeights',
    weights.reconstruction,
    map(expectedWeights, (w) => -w),
    each(expectedWeights, ofWeight),
  );
  graph.expect('klWeights', weights.kl, betas, each(betas, ofWeight));

  const expected = reference(kl, reconstruction, options);
  const magnitude = (x: F64, w: F64): number =>
    x.values.reduce((sum, v, i) => sum + Math.abs(v * w.values[i]!), 0);
  const sizes = {
    reconstruction: magnitude(reconstruction, expectedWeights),
    kl: magnitude(kl, expectedWeights),
  };
  const ofSum = (size: number): number => tolerances.dot(rows, size) + tolerances.rounded(6, size);
  const whole = ofSum(sizes.reconstruction + beta * sizes.kl);
  const { elbo, reconstruction: rec, kl: meanKl } = expected.terms;
  graph.expect('loss', loss, fromValues([1], [expected.loss]), Float64Array.of(whole));
  graph.expect(
    'terms',
    terms,
    fromValues([3], [elbo, rec, meanKl]),
    Float64Array.of(whole, ofSum(sizes.reconstruction), ofSum(sizes.kl)),
  );

  const [klGradient, reconstructionGradient] = gradient(loss, [tensors.kl, tensors.reconstruction]);
  const backward = objectiveBackward(rows, options);
  graph.expect('klGradient', klGradient!, backward.klGradient, each(betas, ofWeight));
  graph.expect(
    'reconstructionGradient',
    reconstructionGradient!,
    backward.reconstructionGradient,
    each(expectedWeights, ofWeight),
  );
}

function objectiveCase(row: Row, adapterClass: AdapterClass): KernelCase {
  const { batch, samples, rowCount, beta } = row;
  return {
    name: `objective B=${batch} S=${samples} rows ${rowCount} beta ${beta} (${adapterClass})`,
    adapterClass,
    build: (graph) => build(graph, row),
  };
}

export const objectiveCases: readonly KernelCase[] = rowClasses.flatMap((adapterClass) =>
  table.map((row) => objectiveCase(row, adapterClass)),
);
