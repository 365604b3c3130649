/** Whether a data set fits a model: its shape, its number of rows, its range. */
import { DataError, ShapeError } from '../../gpu/errors.js';
import { elementCount, sameShape } from '../../gpu/shape.js';
import type { CompleteSpec, LikelihoodSpec } from '../spec.js';
import { checkDataset, checkLevels, checkRange, type Dataset } from './dataset.js';

/**
 * @throws ShapeError when a row has another shape than the model's input; DataError for zero rows, a batch
 *   larger than the data, a value that is not finite, or one outside the likelihood's support
 */
export function checkForModel(data: Dataset, spec: CompleteSpec, batchSize: number): void {
  checkDataset(data, 'data');
  const areImages = data.shape.length === 3 && spec.input.length === 3;
  // A vector may stand for an image; an image of another form, such as channels first, may not.
  if (areImages ? !sameShape(data.shape, spec.input) : elementCount(data.shape) !== elementCount(spec.input))
    throw new ShapeError(
      'data',
      `a row is [${data.shape.join(', ')}]; the model's input is [${spec.input.join(', ')}]; change spec.input or the data`,
    );
  if (batchSize > data.rows)
    throw new DataError(
      'batchSize',
      `is ${batchSize}; the data has ${data.rows} rows; use at most ${data.rows}`,
    );
  checkSupport(data, spec.likelihood);
}

/** @throws DataError naming the first value that the likelihood gives no meaning */
function checkSupport(data: Dataset, likelihood: LikelihoodSpec): void {
  const reason = `the ${likelihood.type} likelihood`;
  switch (likelihood.type) {
    case 'bernoulli':
      return checkRange(data, 0, 1, 'data', reason);
    case 'discretized-logistic-mixture':
    case 'beta-binomial':
      return checkLevels(data, { steps: 255, last: 255, reason });
    case 'categorical':
      return checkLevels(data, { steps: 1, last: likelihood.classes - 1, reason });
    case 'negative-binomial':
      return checkLevels(data, { steps: 1, last: Infinity, reason });
    case 'gaussian':
    case 'laplace':
  }
}
