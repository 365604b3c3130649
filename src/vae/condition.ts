/** Class labels as one-hot rows, which networks take. */
import type { BufferGroup } from '../gpu/buffer-group.js';
import { DataError, SpecError } from '../gpu/errors.js';
import type { Dataset } from './data/dataset.js';
import { uploadDataset } from './data/resident.js';
import type { CompleteSpec } from './spec.js';

/** What a byte of 1 is divided by on the GPU. */
const BYTE_ONE = 255;

/** Labels u8[N] as a data set of one-hot bytes [N, classes]. @throws DataError for missing labels, or one past the classes */
export function conditionDataset(data: Dataset, classes: number): Dataset {
  const { labels, rows } = data;
  if (!labels)
    throw new DataError(
      'data',
      'has no labels; a model with spec.condition needs one a row; pass labels, or remove spec.condition',
    );
  const values = new Uint8Array(rows * classes);
  labels.forEach((label, row) => {
    checkLabel(label, classes, `data.labels[${row}]`);
    values[row * classes + label] = BYTE_ONE;
  });
  return { rows, shape: [classes], values };
}

/** The condition of every row on the GPU, as a plan's resource; none for a model without one. @throws as `conditionDataset` */
export async function conditionResource(
  buffers: BufferGroup,
  { condition }: CompleteSpec,
  data: Dataset,
): Promise<{ condition?: GPUBuffer }> {
  if (!condition) return {};
  const { buffer } = await uploadDataset(buffers, conditionDataset(data, condition.classes), 'condition');
  return { condition: buffer };
}

/**
 * Labels as f32[rows, classes], or undefined for a model without a condition.
 * @throws SpecError when model and labels do not belong together; DataError for another count, or a label past the classes
 */
export function conditionRows(
  spec: CompleteSpec,
  labels: ArrayLike<number> | undefined,
  rows: number,
  where: string,
): Float32Array | undefined {
  const classes = spec.condition?.classes;
  if (classes === undefined && labels === undefined) return undefined;
  if (classes === undefined)
    throw new SpecError(
      where,
      'got labels, and the model has no condition; leave them out, or add spec.condition',
    );
  if (labels === undefined)
    throw new SpecError(
      where,
      `got no labels, and the model has a condition of ${classes} classes; pass one a row`,
    );
  if (labels.length !== rows)
    throw new DataError(where, `got ${labels.length} labels for ${rows} rows; pass one label a row`);
  const values = new Float32Array(labels.length * classes);
  Array.from(labels).forEach((label, row) => {
    checkLabel(label, classes, `${where}: label ${row}`);
    values[row * classes + label] = 1;
  });
  return values;
}

function checkLabel(label: number, classes: number, where: string): void {
  if (!Number.isInteger(label) || label < 0 || label >= classes)
    throw new DataError(
      where,
      `is ${label}; spec.condition has ${classes} classes; expected 0 to ${classes - 1}`,
    );
}
