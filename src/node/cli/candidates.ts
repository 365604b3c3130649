/**
 * What `tune` measures for a product: the rule's own choice first, then tiles that may do better on this kind of
 * adapter, then other cuts of the inner axis. Three to six a product, because each is compiled and run.
 */
import { isSoftware, type AdapterClass } from '../../gpu/dispatch.js';
import type { ProductShape } from '../../gpu/ops/product.js';
import { splitCount } from '../../gpu/ops/product-variants.js';
import { variantOf, type Tiling } from '../../gpu/tuning.js';

type Tile = Omit<Tiling, 'splits'>;

function registers(kernel: 'registers' | 'quads', quads: Tile['quads'], workgroup: Tile['workgroup']): Tile {
  return { kernel, quads, workgroup };
}

function shared(quads: 1 | 2, side: 8 | 16, tileInner: number): Tile {
  return { kernel: 'workgroup', quads: [quads, quads], workgroup: [side, side], tileInner };
}

const quadTiles: readonly Tile[] = [
  registers('quads', [4, 4], [4, 2]),
  registers('quads', [4, 2], [4, 2]),
  registers('quads', [4, 1], [4, 2]),
  registers('quads', [2, 4], [4, 2]),
];

const registerTiles: readonly Tile[] = [
  registers('registers', [4, 4], [1, 8]),
  registers('registers', [4, 2], [1, 8]),
  registers('registers', [4, 1], [1, 8]),
  registers('registers', [2, 1], [1, 8]),
  registers('registers', [4, 1], [1, 16]),
  registers('registers', [1, 2], [4, 2]),
  registers('registers', [1, 1], [4, 2]),
  registers('registers', [2, 4], [4, 2]),
  registers('registers', [2, 2], [1, 8]),
];

const sharedTiles: readonly Tile[] = [
  shared(2, 8, 16),
  shared(1, 8, 16),
  shared(2, 16, 16),
  shared(1, 16, 16),
  shared(2, 8, 8),
];

/** Registers without workgroup memory, as a GPU would like them: small tiles, many invocations. */
const lightTiles: readonly Tile[] = [
  registers('registers', [2, 2], [8, 8]),
  registers('registers', [1, 1], [8, 8]),
];

const tiles: Readonly<Record<AdapterClass, readonly Tile[]>> = {
  'software-subgroups': [...quadTiles, ...registerTiles],
  software: registerTiles,
  gpu: [...sharedTiles, ...lightTiles],
};

/** Workgroup memory is many times slower where barriers switch fibers, so it is left to `all`. */
const furtherTiles: Readonly<Record<AdapterClass, readonly Tile[]>> = {
  'software-subgroups': sharedTiles,
  software: sharedTiles,
  gpu: [...registerTiles],
};

const MOST_CANDIDATES = 6;
/** A piece of the inner axis below this is not worth a sum. */
const SHORTEST_PIECE = 128;

/**
 * Candidates for a product, each once, the rule's first.
 *
 * @param all also what is not expected to be fast on this kind of adapter, and as many as there are
 */
export function candidatesFor(
  adapterClass: AdapterClass,
  shape: ProductShape,
  rule: Tiling,
  { all = false }: { readonly all?: boolean } = {},
): Tiling[] {
  const listed = [...tiles[adapterClass], ...(all ? furtherTiles[adapterClass] : [])];
  const cut = (tile: Tile): Tiling => {
    const variant = variantOf({ ...tile, splits: 1 }, shape.aligned);
    const { splits: _splits, ...open } = variant;
    return { ...tile, splits: splitCount(adapterClass, open, shape) };
  };
  const fitting = listed.filter(
    (tile) => fits(tile.quads[0], shape.rows) && fits(tile.quads[1], shape.columns),
  );
  const found = [rule, ...otherCuts(adapterClass, shape, rule), ...fitting.map(cut)];
  const texts = found.map((tiling) => JSON.stringify(tiling));
  const unique = found.filter((_, index) => texts.indexOf(texts[index]!) === index);
  return all ? unique : unique.slice(0, MOST_CANDIDATES);
}

/** Whether a stack of 4 x 4 tiles is no taller than the product, up to the next power of two. */
function fits(quads: number, size: number): boolean {
  return quads === 1 || 2 * quads < size;
}

function otherCuts(adapterClass: AdapterClass, shape: ProductShape, rule: Tiling): Tiling[] {
  if (shape.splittable === false) return [];
  const first = isSoftware(adapterClass) ? 2 : 4;
  const counts = rule.splits === 1 ? [first] : [1, 2 * rule.splits];
  return counts
    .filter((splits) => splits === 1 || shape.inner >= splits * SHORTEST_PIECE)
    .map((splits) => ({ ...rule, splits }));
}

/** Every tile that `tune` may choose, and the kind of adapter whose kernels it runs. */
export function everyTile(): { readonly tile: Tile; readonly adapterClass: AdapterClass }[] {
  const classOf = ({ kernel }: Tile): AdapterClass =>
    kernel === 'quads' ? 'software-subgroups' : kernel === 'registers' ? 'software' : 'gpu';
  return [...quadTiles, ...registerTiles, ...lightTiles, ...sharedTiles].map((tile) => ({
    tile,
    adapterClass: classOf(tile),
  }));
}
