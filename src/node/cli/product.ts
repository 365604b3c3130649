/** Matrix products among a plan's dispatches: which product it is, and how it is cut into tiles. */
import type { Dispatch } from '../../gpu/dispatch.js';
import type { ProductKey, Tiling } from '../../gpu/tuning.js';

export interface PlannedProduct {
  readonly key: ProductKey;
  readonly tiling: Tiling;
}

const kernelName = /^(matmul|conv|conv_weight)_(registers|quads|workgroup)(_any)?$/;

/** Undefined for a dispatch that is no product. */
export function productOf({
  kernel,
  overrides,
  parameters,
  workgroups,
}: Dispatch): PlannedProduct | undefined {
  const [, family, skeleton, any] = kernelName.exec(kernel.name) ?? [];
  if (family === undefined) return undefined;
  const phases =
    overrides['INPUT_GRADIENT'] === true
      ? numberIn(parameters, 'stride_y') * numberIn(parameters, 'stride_x')
      : 1;
  const isShared = skeleton === 'workgroup';
  return {
    key: {
      family: family as ProductKey['family'],
      rows: numberIn(parameters, 'rows'),
      columns: numberIn(parameters, 'columns'),
      inner: numberIn(parameters, 'inner'),
      phases,
      aligned: any === undefined,
    },
    tiling: {
      kernel: skeleton as Tiling['kernel'],
      quads: isShared
        ? [numberIn(overrides, 'QUADS'), numberIn(overrides, 'QUADS')]
        : [numberIn(overrides, 'ROW_QUADS'), numberIn(overrides, 'COLUMN_QUADS')],
      workgroup: [numberIn(overrides, 'WORKGROUP_X'), numberIn(overrides, 'WORKGROUP_Y')],
      ...(isShared && { tileInner: numberIn(overrides, 'TILE_INNER') }),
      splits: workgroups[2] / phases,
    },
  };
}

function numberIn(values: Readonly<Record<string, unknown>>, name: string): number {
  return Number(values[name]);
}

/** `quads 128x64`, the rows and columns of the product that a workgroup makes; `, 4 pieces` of the inner axis. */
export function describeTiling({ kernel, quads, workgroup, splits }: Tiling): string {
  const tile = `${kernel} ${4 * quads[0] * workgroup[1]}x${4 * quads[1] * workgroup[0]}`;
  return splits > 1 ? `${tile}, ${splits} pieces` : tile;
}

/** The variant of a dispatch in words; `-` where it has none. */
export function describeVariant(dispatch: Dispatch): string {
  const product = productOf(dispatch);
  if (!product) return '-';
  return `${describeTiling(product.tiling)}${product.key.aligned ? '' : ', unaligned'}`;
}
