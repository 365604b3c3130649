/**
 * Plan: every tile that a tuning table may hold, on the kernel cases of products (matmul, convolutions, their gradients,
 * what is fused into them), with the inner axis whole and cut into pieces.
 * | axis   | control      | cases                                                                            |
 * | tile   | the rule's   | each that `tune` measures; the rule's are the kernel cases themselves             |
 * | pieces | 1            | 3, also where an axis is too short for them                                       |
 * | case   | -            | dealt out: each tile meets about three, from several files of cases                |
 */
import { test } from '@playwright/test';
import { variantOf } from '../../src/gpu/tuning.js';
import { everyTile } from '../../src/node/cli/candidates.js';
import { describeTiling } from '../../src/node/cli/product.js';
import type { KernelCase } from '../cases/case.js';
import { convCases } from '../cases/conv.js';
import { convFusionCases } from '../cases/conv-fusion.js';
import { epilogueCases } from '../cases/epilogue.js';
import { matmulCases } from '../cases/matmul.js';
import { nodeDevice } from '../node-device.js';
import { obstacle, runCase } from '../runner.js';

const tiles = everyTile();
/** A prime, so that the cases that a tile meets are not all of one kind; each compiles kernels for a second or two. */
const STRIDE = 97;

const productCases = [...matmulCases, ...epilogueCases, ...convCases, ...convFusionCases].filter(
  ({ adapterClass }) => adapterClass === 'software',
);

/** The case with this tile for all of its products; which dispatches that makes is not the case's own. */
function forced(kernelCase: KernelCase, index: number, number: number): KernelCase {
  const { tile, adapterClass } = tiles[number]!;
  const tiling = { ...tile, splits: Math.floor(index / STRIDE) % 2 === 0 ? 1 : 3 };
  return {
    name: `${kernelCase.name} by ${describeTiling(tiling)} of ${tile.quads.join('x')}`,
    adapterClass,
    tuning: (shape) => variantOf(tiling, shape.aligned),
    build(graph) {
      kernelCase.build(graph);
      graph.labels = undefined;
    },
  };
}

for (const [number, { tile, adapterClass }] of tiles.entries())
  test(`${JSON.stringify(tile)} (${adapterClass})`, async () => {
    const device = await nodeDevice();
    const failures: string[] = [];
    for (const [index, kernelCase] of productCases.entries()) {
      if (index % STRIDE !== (3 * number) % STRIDE) continue;
      const variant = forced(kernelCase, index, number);
      const reason = obstacle(variant, device);
      test.skip(reason !== undefined, reason);
      failures.push(...(await runCase(device, variant)).failures);
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
  });
