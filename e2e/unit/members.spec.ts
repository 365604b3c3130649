/**
 * Plan: no member of the family without a truth, and none without a page. docs/truths.md is written by `npm run truths`;
 * every row of it was within its bound; every member that a specification can name is in it and in docs/members. A page
 * shows a picture with words for those who cannot see it, and pictures stay small.
 */
import { expect, test } from '@playwright/test';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { estimatorTypes } from '../../src/vae/estimator-spec.js';
import { likelihoodTypes } from '../../src/vae/likelihoods/likelihood-spec.js';
import { objectiveNames } from '../../src/vae/objectives/objective-spec.js';
import { posteriorTypes } from '../../src/vae/posteriors/posterior-spec.js';
import { priorTypes } from '../../src/vae/priors/prior-spec.js';

const docs = resolve(import.meta.dirname, '../../docs');
const members: Readonly<Record<string, readonly string[]>> = {
  posterior: posteriorTypes,
  prior: priorTypes,
  likelihood: likelihoodTypes,
  objective: objectiveNames,
  estimator: ['A', 'B', ...estimatorTypes],
  scheme: ['alternating', 'hard EM'],
  classical: ['ppca', 'fa', 'linear VAE'],
  coding: ['rate-distortion', 'bits-back'],
};
/** Bytes of a picture of docs/members, and of all of them. */
const [largestPicture, allPictures] = [60_000, 1_000_000];
const pages = readdirSync(join(docs, 'members')).filter(
  (name) => name.endsWith('.md') && name !== 'README.md',
);
const pairs = Object.entries(members).flatMap(([part, names]) => names.map((name) => [part, name] as const));

/** The cells of the table's rows. */
const rows = readFileSync(join(docs, 'truths.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| member') && !line.startsWith('| --'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every truth holds', () => {
  expect(rows.length).toBeGreaterThan(pairs.length / 2);
  for (const [, member, truth, measured, bound] of rows)
    expect(Number(measured), `${member}: ${truth}`).toBeLessThanOrEqual(Number(bound));
});

for (const [part, name] of pairs)
  test(`${part} ${name} is held to a truth`, () => {
    const member = `${part} ${name}`;
    const own = rows.filter(([, cell]) => cell === member || cell?.startsWith(`${member},`));
    expect(own, `docs/truths.md has no row of ${member}; hold it to one and run npm run truths`).not.toEqual(
      [],
    );
  });

test('every member has a page', () => {
  const folder = join(docs, 'members');
  const texts = pages.map((name) => readFileSync(join(folder, name), 'utf8'));
  const index = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const [, name] of pairs.filter(([part]) =>
    ['posterior', 'prior', 'likelihood', 'objective'].includes(part),
  )) {
    expect(
      texts.some((text) => text.includes(`\`${name}\``)),
      `docs/members has no page of \`${name}\``,
    ).toBe(true);
    expect(index, `docs/members/README.md does not name \`${name}\``).toContain(`\`${name}\``);
  }
});

for (const name of pages)
  test(`the page ${name} shows a picture`, () => {
    const page = readFileSync(join(docs, 'members', name), 'utf8');
    const pictures = [...page.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)];
    expect(
      pictures.length,
      `docs/members/${name} has no picture; draw one in bench/member-pictures.ts`,
    ).not.toBe(0);
    for (const [, words, path] of pictures) {
      expect(words!.length, `${path} of ${name} needs words that say what one sees`).toBeGreaterThan(20);
      expect(existsSync(join(docs, 'members', path!)), `${name} shows ${path}, which is missing`).toBe(true);
    }
  });

test('pictures are small', () => {
  const folder = join(docs, 'members/images');
  const sizes = readdirSync(folder).map((name) => ({ name, size: statSync(join(folder, name)).size }));
  for (const { name, size } of sizes)
    expect(size, `docs/members/images/${name} is large; draw fewer images, or smaller ones`).toBeLessThan(
      largestPicture,
    );
  expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(allPictures);
});
