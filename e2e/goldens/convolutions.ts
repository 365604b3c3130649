/** The golden convolutions of convolutions.py: exact numbers, in PyTorch's layouts (images [B, C, H, W]). */
import { readFileSync } from 'node:fs';
import { DataError } from '../../src/gpu/errors.js';
import { transpose } from '../reference/reduce.js';
import { fromValues, type F64 } from '../reference/tensor.js';

const FORMAT = 1;

/** Numbers in 256ths. */
export interface GoldenTensor {
  shape: number[];
  values: number[];
}
type Golden<Names extends string> = Record<Names, GoldenTensor>;

export type TransposedRow = Golden<'x' | 'weight' | 'bias' | 'y'> & {
  kernel: number;
  stride: number;
  padding: number;
  outputPadding: number;
};

export interface Convolutions {
  format: number;
  convolutions: (Golden<'x' | 'weight' | 'y' | 'g' | 'xGradient' | 'weightGradient'> & {
    paddingName: string;
    stride: [number, number];
    padding: [number, number, number, number];
  })[];
  transposed: TransposedRow[];
  shuffles: (Golden<'x' | 'y'> & { r: number })[];
}

/** Reads convolutions.json. @throws DataError when the file has another format version */
export function loadConvolutions(): Convolutions {
  const file = new URL('./convolutions.json', import.meta.url);
  const golden: Convolutions = JSON.parse(readFileSync(file, 'utf8'));
  if (golden.format !== FORMAT)
    throw new DataError(
      'convolutions.json',
      `format ${golden.format} came; expected ${FORMAT}; run e2e/goldens/convolutions.py again`,
    );
  return golden;
}

/** `kernel 4, stride 2, padding 1, output padding 0` */
export function describeTransposed({ kernel, stride, padding, outputPadding }: TransposedRow): string {
  return `kernel ${kernel}, stride ${stride}, padding ${padding}, output padding ${outputPadding}`;
}

export function read({ shape, values }: GoldenTensor): F64 {
  return fromValues(
    shape,
    values.map((value) => value / 256),
  );
}

/** `[B, C, H, W]` to `[B, H, W, C]`. */
export function image(tensor: GoldenTensor): F64 {
  return transpose(read(tensor), [0, 2, 3, 1]);
}

/** `[O, C, KH, KW]` to `[KH, KW, C, O]`. */
export function weight(tensor: GoldenTensor): F64 {
  return transpose(read(tensor), [2, 3, 1, 0]);
}
