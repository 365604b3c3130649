/**
 * Plan: a model with a condition from the built command line: trained on labels, drawn a column a class and by --label,
 * evaluated as its report says; refused without labels, for a class that is not there, and without a condition.
 */
import { expect, test } from '@playwright/test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { pngFile } from '../pictures/png.js';
import { runCli, testFolder, readReport } from './command-line.js';

const tiny = [
  '--limit',
  '40',
  '--epochs',
  '1',
  '--batch',
  '20',
  '--hidden',
  '8',
  '--latent',
  '2',
  '--size',
  '8',
];

function picture(folder: string): { width: number; height: number; data: ArrayLike<number> } {
  return decode(readFileSync(join(folder, 'out/samples.png')));
}

test('trains, draws by class, and evaluates as its report says', async () => {
  const folder = testFolder();
  const { code, stderr } = await runCli(['train', ...tiny, '--condition'], folder);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('model 64-8-2-8-64, bernoulli, 10 classes, ');
  // ten columns of 8 pixels, twice as large, with gaps of 2
  expect(picture(folder).width).toBe(10 * 16 + 11 * 2);
  const report = readReport(join(folder, 'out'));
  const again = await runCli(['evaluate', 'out', '--limit', '40', '--json'], folder);
  expect(JSON.parse(again.stdout)).toEqual(report.test);

  const draw = async (label: string): Promise<string> => {
    const drawn = await runCli(['sample', 'out', '--count', '4', '--label', label], folder);
    expect(drawn.code, drawn.stderr).toBe(0);
    return Array.from(picture(folder).data).join();
  };
  const three = await draw('3');
  expect(await draw('3')).toBe(three);
  expect(await draw('7')).not.toBe(three);
  const past = await runCli(['sample', 'out', '--label', '10'], folder);
  expect(past.code).toBe(1);
  expect(past.stderr).toContain('is 10; spec.condition has 10 classes; expected 0 to 9');
});

test('data without labels, and a model without a condition, are refused', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'pictures'));
  for (let i = 0; i < 12; i++)
    writeFileSync(
      join(folder, `pictures/${i}.png`),
      pngFile(
        { width: 8, height: 8, depth: 8, colourType: 0 },
        Array.from({ length: 64 }, () => 20 * i),
      ),
    );
  const words = ['--data', 'pictures', '--batch', '2', '--epochs', '1', '--hidden', '4', '--latent', '2'];
  const refused = await runCli(['train', ...words, '--condition'], folder);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('[--condition] needs the class of each image, and pictures has no labels');
  const plain = await runCli(['train', ...tiny], folder);
  expect(plain.code, plain.stderr).toBe(0);
  const labelled = await runCli(['sample', 'out', '--label', '1'], folder);
  expect(labelled.code).toBe(1);
  expect(labelled.stderr).toContain('got labels, and the model has no condition');
});
