/**
 * Plan: where the demo page's images come from, as a visitor uses it.
 * - the pad: a stroke changes the reconstruction and the posterior; keys draw too; undo takes back;
 * - drawings are kept, trained on, and survive another source;
 * - shapes are trained on; images that come while a training runs, which goes on; of another size than the model: said, and
 *   learned from scratch;
 * - files: an IDX pair, a folder of classes and dropped pictures, broken ones named; a wrong one changes nothing; a model is
 *   loaded; a file of the page that does not come is told;
 * - the camera: reconstructed, collected, let go when closed; refused: plain advice.
 */
import { expect, test, type Page } from '@playwright/test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { canvasLaunch } from '../browser.js';
import { bombFile, drop, idxPair, look, pngFile, stroke } from '../demo-files.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';

test.use({
  launchOptions: {
    ...canvasLaunch,
    args: [...canvasLaunch.args!, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  },
});

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

const facts = (page: Page) => page.getByRole('figure').locator('figcaption');
const latents = (page: Page) => page.locator('#drawing').getByRole('listitem').filter({ hasText: '±' });
const elbo = (page: Page) => page.locator('#curves dd').nth(1);

/** Takes steps one by one. */
async function steps(page: Page, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const before = await elbo(page).textContent();
    await page.getByRole('button', { name: 'Step', exact: true }).click();
    await expect(elbo(page)).not.toHaveText(before!);
  }
}

test('a stroke changes the reconstruction and tells the posterior', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const answer = page.getByRole('img', { name: "The model's reconstruction of your drawing" });
  const pad = page.getByRole('img', { name: 'Your drawing', exact: true });
  await expect(latents(page)).toHaveCount(0);
  const empty = await look(pad);
  await stroke(page, [
    [0.3, 0.2],
    [0.3, 0.8],
    [0.7, 0.8],
  ]);
  await expect(latents(page)).toHaveCount(2);
  await expect(answer).toBeVisible();
  await expect(page.getByText(/The model places it at/)).toHaveCount(1);
  const [before, told] = [await look(answer), await latents(page).allTextContents()];
  await stroke(page, [
    [0.2, 0.3],
    [0.8, 0.3],
    [0.8, 0.6],
    [0.2, 0.6],
    [0.5, 0.45],
  ]);
  await expect.poll(() => latents(page).allTextContents()).not.toEqual(told);
  await expect.poll(() => look(answer)).not.toBe(before);
  const samples = page.getByRole('img', { name: /8 images decoded/ });
  await expect.poll(async () => new Set(await look(samples)).size).toBeGreaterThan(8);

  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => latents(page).allTextContents()).toEqual(told);
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(latents(page)).toHaveCount(0);
  expect(await look(pad)).toBe(empty);

  await page.getByRole('application', { name: 'Pad to draw on' }).focus();
  await page.keyboard.press('Space');
  await expect(page.getByText('Pen down')).toHaveCount(1);
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Space');
  await expect(latents(page)).toHaveCount(2);
  expect(await look(pad)).not.toBe(empty);
  expect(errors).toEqual([]);
});

test('drawings are kept, trained on, and survive another source', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  await page.getByLabel('It is a').selectOption('1');
  for (const across of [0.3, 0.5, 0.7]) {
    await stroke(page, [
      [across, 0.2],
      [across, 0.8],
    ]);
    await page.getByRole('button', { name: 'Add to my images' }).click();
    await expect(latents(page)).toHaveCount(0);
  }
  await page.getByRole('button', { name: 'Take the last back' }).click();
  await expect(page.getByText('2 drawings kept')).toBeVisible();
  const fashion = await look(page.getByRole('img', { name: /Some images of/ }));
  await page.getByRole('button', { name: 'Train on my drawings' }).click();
  await expect(facts(page)).toContainText('2 to learn from');
  await expect(page.getByRole('radio', { name: 'My drawings (2)' })).toBeChecked();
  await expect(elbo(page)).toContainText('nats');
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await expect
    .poll(() => look(page.getByRole('img', { name: 'Some images of Your drawings' })))
    .not.toBe(fashion);
  await steps(page, 3);
  await page.getByRole('radio', { name: 'Fashion-MNIST' }).click();
  await expect(facts(page)).toContainText('20,000 to learn from');
  await page.getByRole('radio', { name: 'My drawings (2)' }).click();
  await expect(facts(page)).toContainText('2 to learn from');
  expect(errors).toEqual([]);
});

test('a running training goes over to other images; another size is learned from scratch', async ({
  page,
}) => {
  const { errors } = await openDemo(page, server.url);
  await page.getByRole('radio', { name: '2-D shapes' }).click();
  await expect(facts(page)).toContainText('20,000 to learn from');
  await expect(facts(page)).toContainText('square, ellipse, heart');
  await steps(page, 5);
  await page.getByRole('button', { name: 'Resume' }).click();
  const pictures = [10, 90, 250].map((grey) => pngFile(`${grey}.png`, grey));
  await drop(page, pictures);
  await expect(facts(page)).toContainText('3 to learn from');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  const before = await elbo(page).textContent();
  await expect(elbo(page)).not.toHaveText(before!);
  await page.getByRole('button', { name: 'Pause' }).click();

  await page.getByText('Your own images', { exact: true }).click();
  await page.locator('#data').getByLabel('Size').selectOption('32');
  await page.getByLabel('Colours').selectOption('3');
  await expect(
    page.getByText('These images are 32 × 32 × 3; the model shown takes 28 × 28 × 1.'),
  ).toBeVisible();
  await stroke(page, [
    [0.3, 0.3],
    [0.6, 0.6],
  ]);
  await expect(latents(page)).toHaveCount(2);
  await page.getByRole('button', { name: 'Train from scratch' }).click();
  await expect(page.getByText('These images are 32')).toHaveCount(0);
  await page.getByRole('button', { name: 'Pause' }).click();
  await steps(page, 2);
  await expect(latents(page)).toHaveCount(2);
  expect(errors).toEqual([]);
});

test('files are read where they can be, and named where they cannot', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  await expect(facts(page)).toContainText('20,000 to learn from');
  await stroke(page, [
    [0.3, 0.2],
    [0.7, 0.8],
  ]);
  await expect(latents(page)).toHaveCount(2);
  await expect(page.getByText(/The model places it at/)).toHaveCount(1);
  const told = await latents(page).allTextContents();
  await page.getByText('Your own images', { exact: true }).click();
  const input = page.getByLabel('Choose files');
  const notes = page.locator('.notes');

  await input.setInputFiles([
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') },
  ]);
  await expect(notes).toContainText('notes.txt: is neither a picture nor an IDX file');
  await expect(notes).toContainText('Nothing has changed');
  await expect(facts(page)).toContainText('20,000 to learn from');
  await expect(page.getByRole('radio', { name: 'Fashion-MNIST' })).toBeChecked();

  await input.setInputFiles(idxPair(6));
  await expect(facts(page)).toContainText('6 to learn from');
  await expect(facts(page)).toContainText('2 classes: 0, 1');

  const broken = { ...pngFile('broken.png', 9), buffer: Buffer.from('not a picture') };
  await drop(page, [
    pngFile('a.png', 40),
    broken,
    pngFile('b.png', 200),
    bombFile('bomb.png'),
    pngFile('c.png', 120),
  ]);
  await expect(notes).toContainText('2 of 5 files were skipped.');
  await expect(notes).toContainText('broken.png: could not be decoded');
  await expect(notes).toContainText('bomb.png: is 60000 × 60000; at most 33554432 pixels are read');
  await expect(facts(page)).toContainText('3 to learn from');
  await expect(facts(page)).not.toContainText('classes');
  await steps(page, 1);
  await expect.poll(() => latents(page).allTextContents()).not.toEqual(told);

  const folder = test.info().outputPath('kinds');
  for (const kind of ['round', 'flat']) {
    mkdirSync(join(folder, kind), { recursive: true });
    for (const grey of [60, 180]) writeFileSync(join(folder, kind, `${grey}.png`), pngFile('', grey).buffer);
  }
  await page.getByLabel('Choose a folder').setInputFiles(folder);
  await expect(facts(page)).toContainText('4 to learn from');
  await expect(facts(page)).toContainText('2 classes: flat, round');
  await expect(page.getByRole('radio', { name: 'kinds (4)' })).toBeChecked();

  await input.setInputFiles(resolve(import.meta.dirname, '../../demo/public/pretrained.safetensors'));
  await expect(notes).toContainText('pretrained.safetensors is the model now.');
  await expect.poll(() => latents(page).allTextContents()).toEqual(told);
  await expect(facts(page)).toContainText('4 to learn from');
  expect(errors).toEqual([]);
});

test('the big file tells how much of it has come; where it does not come, it is asked for again', async ({
  page,
}) => {
  await openDemo(page, server.url);
  let asked = 0;
  let release: () => void = () => undefined;
  const held = new Promise<void>((done) => (release = done));
  await page.context().route('**/train-images*', async (route) => {
    if (asked++ === 0) return route.abort();
    const response = await route.fetch();
    await held;
    return route.fulfill({ response });
  });
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(page.locator('.notes')).toContainText('did not come; check the connection, and try again');
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(() => asked).toBe(2);
  await expect(page.getByText('Loading Fashion-MNIST: 0.0 MB')).toBeVisible();
  release();
  await expect(elbo(page)).toContainText('nats');
  await expect(page.getByText('Loading Fashion-MNIST')).toHaveCount(0);
});

test('the camera is reconstructed, collected, and let go', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  await page.getByText('Your camera', { exact: true }).click();
  await page.getByRole('button', { name: 'Open the camera' }).click();
  const answer = page.getByRole('img', { name: "The model's reconstruction of the camera" });
  await expect.poll(async () => new Set(await look(answer)).size).toBeGreaterThan(8);
  const video = page.locator('video');
  const track = await video.evaluateHandle(
    (element) => ((element as HTMLVideoElement).srcObject as MediaStream).getTracks()[0]!,
  );
  await page.getByRole('button', { name: 'Capture' }).click();
  await expect(page.getByText('1 camera image')).toBeVisible();
  await page.getByRole('button', { name: 'Record 100 frames' }).click();
  await expect(page.getByText(/^[3-9] camera images/)).toBeVisible();
  await page.getByRole('button', { name: 'Stop recording' }).click();
  expect(await track.evaluate(({ readyState }) => readyState)).toBe('live');
  await page.getByText('Your camera', { exact: true }).click();
  await expect.poll(() => track.evaluate(({ readyState }) => readyState)).toBe('ended');
  await page.getByText('Your camera', { exact: true }).click();
  await page.getByRole('button', { name: 'Train on them' }).click();
  await expect(page.getByRole('radio', { name: /My camera images/ })).toBeChecked();
  await expect(elbo(page)).toContainText('nats');
  await page.getByRole('button', { name: 'Pause' }).click();
  expect(errors).toEqual([]);
});

test('a camera that is refused is answered with advice', async ({ page }) => {
  await page.addInitScript(() => {
    const refuse = () => Promise.reject(new DOMException('refused', 'NotAllowedError'));
    Object.defineProperty(navigator.mediaDevices, 'getUserMedia', { value: refuse });
  });
  const { errors } = await openDemo(page, server.url);
  await page.getByText('Your camera', { exact: true }).click();
  await page.getByRole('button', { name: 'Open the camera' }).click();
  await expect(page.locator('.notes')).toContainText('The camera was not allowed');
  await expect(page.getByRole('button', { name: 'Open the camera' })).toBeVisible();
  expect(errors).toEqual([]);
});
