/**
 * Plan: the picture of numbers a latent, read as XML.
 * | axis    | control                     | cases                                         |
 * | bars    | heights proportional        | order, colour of unused ones, a threshold     |
 * | values  | -                           | all 0; NaN and negative ones are refused      |
 */
import { expect, test } from '@playwright/test';
import { barPanels } from '../../src/node/bars.js';

function bars(svg: string): { height: number; fill: string; x: number }[] {
  return Array.from(
    svg.matchAll(/<rect class="bar" x="([\d.]+)".*?height="([\d.]+)" fill="(#\w+)"/g),
    (match) => ({
      x: Number(match[1]),
      height: Number(match[2]),
      fill: match[3]!,
    }),
  );
}

const order = [2, 0, 1];
const isUsed = [true, false, true];
const options = { title: 'A & B', order, isUsed };

test('bars stand in the order asked for, as high as their values', () => {
  const svg = barPanels([{ label: 'KL (nats)', values: [2, 0.5, 4] }], options);
  const found = bars(svg);
  expect(found.map(({ height }) => height / found[0]!.height)).toEqual([1, 0.5, expect.closeTo(0.125, 3)]);
  expect(found.map(({ fill }) => fill === found[0]!.fill)).toEqual([true, true, false]);
  expect(found.map(({ x }) => x)).toEqual(found.map(({ x }) => x).toSorted((a, b) => a - b));
  expect(svg).toContain('A &amp; B');
  expect(svg).not.toContain('stroke-dasharray');
});

test('a threshold is drawn, also where every value is below it or 0', () => {
  const svg = barPanels([{ label: 'v', values: [0, 0, 0], threshold: 0.01 }], options);
  expect(svg.match(/stroke-dasharray/g)).toHaveLength(1);
  expect(bars(svg).map(({ height }) => height)).toEqual([0, 0, 0]);
  expect(barPanels([{ label: 'v', values: [0, 0, 0] }], options)).not.toContain('NaN');
});

test('what is refused', () => {
  for (const value of [Number.NaN, -1, Infinity])
    expect(() => barPanels([{ label: 'KL', values: [1, value, 1] }], options)).toThrow(
      `[barPanels] KL of latent 1 is ${value}; expected finite numbers of at least 0`,
    );
});
