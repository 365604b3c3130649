/**
 * Plan: every JavaScript block of docs/ runs in Node exactly as printed. The blocks of a page are one program, in order; what
 * a page takes for granted (a device, images, a small model) stands before them, and an objective or a specification that it
 * states is built behind them. JSON blocks are built as the specification or the schedules that they are. Blocks marked `ts`
 * are for pages and run in e2e/chromium. README.md has tests of its own in cli.spec.ts, export.md in cli-export.spec.ts.
 */
import { expect, test } from '@playwright/test';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Model } from '../../src/vae/model.js';
import { checkSchedule, type Schedule } from '../../src/vae/schedule.js';
import { completeSpec } from '../../src/vae/spec.js';
import { pageExamples, projectRoot, runModule } from './command-line.js';

/** Where programs that write files do so. */
const folder = join(projectRoot, 'out/documentation');

const layers = [{ type: 'dense', units: 8, activation: 'tanh' }];
const base = { input: [28, 28, 1], latent: 4, encoder: layers, decoder: layers };

/** Few images and a small model; `test` and `data` are other words of the pages for the same. */
const setUp = (spec: object): string => `
import { Device, Vae } from 'webgpu-vae';
import { loadImages, openNodeGpu } from 'webgpu-vae/node';
const device = await Device.open({ gpu: await openNodeGpu() });
const images = await loadImages('fashion', 'train', { limit: 130 });
const testImages = await loadImages('fashion', 'test', { limit: 20 });
const [data, test] = [images, testImages];
const base = ${JSON.stringify(base)};
const { encoder, decoder } = base;
const given = await Vae.create(${JSON.stringify(spec)}, { device });
`;

/** The model that a page speaks of, where a small VAE is not it. */
const models: Readonly<Record<string, object>> = {
  'rate-distortion.md': {
    ...base,
    posterior: 'uniform',
    prior: { type: 'factorized' },
    likelihood: { type: 'gaussian', scale: 0.05 },
  },
};

/** Names that a page may use without having made them. */
const assumed: Readonly<Record<string, string>> = {
  vae: 'const vae = given;',
  rows: 'const rows = Float32Array.from(testImages.values, (byte) => byte / 255);',
};

/** The program of a page. */
function programOf(page: string, text: string): string {
  const isMade = (name: string): boolean =>
    new RegExp(`\\b(?:const|let) (?:\\{[^}]*)?\\b${name}\\b`).test(text);
  const lines = Object.entries(assumed).flatMap(([name, line]) => (isMade(name) ? [] : [line]));
  const built = [
    ...(isMade('objective') ? ['await Vae.create({ ...base, objective }, { device });'] : []),
    ...(isMade('spec') ? ['await Vae.create(spec, { device });'] : []),
  ];
  const before = page.startsWith('members/') || page === 'evaluation.md';
  const spec = models[page.split('/').at(-1)!] ?? base;
  return [
    before ? setUp(spec) : '',
    ...(before ? lines : []),
    text,
    ...(before ? built : []),
    'process.exit();',
  ].join('\n');
}

const pages = readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md') && name !== 'export.md')
  .toSorted();

test.beforeAll(() => {
  mkdirSync(folder, { recursive: true });
});

for (const page of pages) {
  const blocks = pageExamples(`docs/${page}`, 'js');
  if (blocks.length > 0)
    test(`docs/${page}: ${blocks.length} blocks of JavaScript`, async () => {
      test.setTimeout(300_000);
      const { code, stderr } = await runModule(programOf(page, blocks.join('\n')), folder);
      expect(code, stderr).toBe(0);
    });
  for (const [index, text] of pageExamples(`docs/${page}`, 'json').entries())
    test(`docs/${page}: JSON ${index}`, () => {
      const value = JSON.parse(text) as object | Schedule[];
      if (Array.isArray(value)) for (const schedule of value) checkSchedule(schedule as Schedule, page);
      else expect(new Model(completeSpec({ ...base, ...value })).weights.set.count).toBeGreaterThan(0);
    });
}

test('the documentation has examples', () => {
  expect(pages.flatMap((page) => pageExamples(`docs/${page}`, 'js')).length).toBeGreaterThan(20);
});
