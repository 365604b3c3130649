/**
 * Plan: depth to space, its inverse, and upsampling, with their gradients.
 * - blocks of 1 (a copy), 2, 3, 4; 1, 3 and 33 channels of the higher resolution; images of 1x1, 5x7 and 8x8;
 *   batches of 1 and 3; more elements than one row of workgroups is tested by sum and window, which share the grid.
 */
import { depthToSpace, spaceToDepth, upsample } from 'webgpu-vae/gpu';
import * as reference from '../reference/image.js';
import { map, randomNormal } from '../reference/tensor.js';
import { dotTolerance, everywhere } from '../tolerance.js';
import { describe, kernelCase, type KernelCase } from './case.js';

interface ImageRow {
  /** Of the lower resolution, with the channels of the higher. */
  readonly shape: readonly [number, number, number, number];
  readonly block: number;
}

const rows: readonly ImageRow[] = [
  { shape: [3, 5, 7, 3], block: 2 }, // control
  { shape: [1, 1, 1, 1], block: 1 },
  { shape: [2, 3, 4, 5], block: 1 },
  { shape: [1, 1, 1, 1], block: 4 },
  { shape: [1, 8, 8, 33], block: 2 },
  { shape: [3, 5, 7, 1], block: 3 },
  { shape: [2, 7, 5, 3], block: 4 },
];

function channelsToPixels({ shape, block }: ImageRow): KernelCase {
  const [B, H, W, O] = shape;
  const low = [B, H, W, block * block * O];
  return kernelCase(`depthToSpace f32${describe(low)} by ${block}`, (graph) => {
    const x = randomNormal(low, 1);
    const tensor = graph.input('x', x);
    const y = depthToSpace(tensor, block);
    const expected = reference.depthToSpace(x, block);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    graph.expect('xGradient', xGradient!, reference.spaceToDepth(cotangent, block), everywhere(x, 0));
  });
}

function pixelsToChannels({ shape, block }: ImageRow): KernelCase {
  const [B, H, W, O] = shape;
  const high = [B, H * block, W * block, O];
  return kernelCase(`spaceToDepth f32${describe(high)} by ${block}`, (graph) => {
    const x = randomNormal(high, 2);
    const tensor = graph.input('x', x);
    const y = spaceToDepth(tensor, block);
    const expected = reference.spaceToDepth(x, block);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    graph.expect('xGradient', xGradient!, reference.depthToSpace(cotangent, block), everywhere(x, 0));
  });
}

function upsampleCase({ shape, block }: ImageRow): KernelCase {
  return kernelCase(`upsample f32${describe(shape)} by ${block}`, (graph) => {
    const x = randomNormal(shape, 3);
    const tensor = graph.input('x', x);
    const y = upsample(tensor, block);
    const expected = reference.upsample(x, block);
    graph.expect('y', y, expected, everywhere(expected, 0));
    const [cotangent, xGradient] = graph.pullBack(y, [tensor]);
    const magnitude = reference.upsampleBackward(map(cotangent, Math.abs), block);
    const allowed = dotTolerance(block * block, magnitude);
    graph.expect('xGradient', xGradient!, reference.upsampleBackward(cotangent, block), allowed);
  });
}

export const imageCases: readonly KernelCase[] = rows.flatMap((row) => [
  channelsToPixels(row),
  pixelsToChannels(row),
  upsampleCase(row),
]);
