/**
 * Plan: the controls of the demo page, as a visitor uses them.
 * - beta acts on the next steps: elbo = reconstruction - beta kl with the new one; pause, exactly one step, resume, slow motion;
 * - an error in the specification stands beneath its line, is announced and never used; selects and text are one;
 * - axe finds nothing, with an error shown, in both themes;
 * - convolutions, a Laplace likelihood and five latents, chosen and trained;
 * - a copied link gives the same controls and the same picture, to the bit; a broken one a note and the page as it is.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { decode } from 'fast-png';
import { canvasLaunch } from '../browser.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';

test.use({ launchOptions: canvasLaunch });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('group', { name: 'Training' }).getByRole('button', { name }).click();
const progress = (page: Page): Locator => page.locator('.transport .progress');
/** What readers are told of the training. */
const announced = (page: Page): Locator => progress(page).getByRole('status');
const field = (page: Page, name: string): Locator => page.getByLabel(name, { exact: true });
const specText = (page: Page): Locator => page.getByRole('textbox', { name: 'Specification' });

/** The step that the page says. */
async function stepOf(page: Page): Promise<number> {
  return Number(
    /step ([\d,]+)/.exec((await progress(page).textContent()) ?? '')?.[1]?.replaceAll(',', '') ?? 0,
  );
}

/** elbo, reconstruction, beta and kl, as the text about beta says them, all of one moment. */
function terms(page: Page): Promise<number[]> {
  return page
    .locator('#training .explain output')
    .evaluateAll((outputs) => outputs.map((o) => Number(o.textContent)));
}

async function openText(page: Page, card: string): Promise<void> {
  await page.locator(`#${card} summary`, { hasText: 'What is this?' }).click();
}

test('beta acts live; pause, one step, resume, slow motion', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  await field(page, 'Batch size').fill('32');
  await openText(page, 'training');
  await press(page, 'Train from scratch');
  await expect.poll(() => stepOf(page)).toBeGreaterThan(2);

  const missedBy = async (beta: number): Promise<number> => {
    const [elbo, reconstruction, shown, kl] = await terms(page);
    expect(shown).toBe(beta);
    return kl! < 0.2 ? Infinity : Math.abs(elbo! - (reconstruction! - beta * kl!));
  };
  await expect.poll(() => missedBy(1)).toBeLessThan(0.03);
  await field(page, 'β, the weight of the KL, as a number').fill('7');
  await expect.poll(() => missedBy(7)).toBeLessThan(0.1);
  await field(page, 'β, the weight of the KL').press('Home');
  await expect.poll(() => missedBy(0)).toBeLessThan(0.03);

  await page.locator('h1').click();
  await page.keyboard.press('k');
  await expect(announced(page)).toContainText('Paused at step');
  const paused = await stepOf(page);
  await press(page, 'Step');
  await expect(announced(page)).toHaveText(`Paused at step ${(paused + 1).toLocaleString('en')}`);

  await page.getByLabel('Slow motion').check();
  await press(page, 'Resume');
  const [first = 0, ...next] = await stepsSeen(page, 4);
  expect(next).toEqual([1, 2, 3].map((n) => first + n));
  expect(first).toBeGreaterThan(paused);
  await press(page, 'Pause');
  await press(page, 'Reset');
  await expect(announced(page)).toHaveText('Not trained in this tab yet');
  expect(errors).toEqual([]);
});

/** The next `count` numbers of steps that the page says it has taken. */
function stepsSeen(page: Page, count: number): Promise<number[]> {
  return progress(page).evaluate(
    (element, wanted) =>
      new Promise<number[]>((done) => {
        const steps = new Set<number>();
        const look = (): void => {
          const step = /· step ([\d,]+)/.exec(element.textContent ?? '')?.[1];
          if (step) steps.add(Number(step.replaceAll(',', '')));
          if (steps.size >= wanted) done([...steps]);
        };
        look();
        new MutationObserver(look).observe(element, { subtree: true, childList: true, characterData: true });
      }),
    count,
  );
}

/** What the page says of the specification's text, once it says it, and that it stands beneath this line. */
async function expectProblem(page: Page, line: number, message: RegExp): Promise<void> {
  const bubble = page
    .locator('#model')
    .getByRole('status')
    .filter({ hasText: `Line ${line}: ` });
  await expect(bubble).toHaveText(message);
  await expect(specText(page)).toHaveAttribute('aria-invalid', 'true');
  await expect(specText(page)).toHaveAccessibleDescription(message);
  const [marked, shown] = [await page.locator('.editor li.marked').boundingBox(), await bubble.boundingBox()];
  expect(Math.abs(shown!.y - (marked!.y + marked!.height))).toBeLessThan(3);
  await expect(page.getByRole('button', { name: 'Train from scratch' })).toHaveAccessibleDescription(
    new RegExp(`error in line ${line} and is not used`),
  );
}

test('errors of the specification stand beneath their line until they are mended', async ({ page }) => {
  const { errors } = await openDemo(page, server.url);
  const card = page.locator('#model');
  await expect(card).toContainText('469,268 weights. The model that is shown is like this.');
  await page.getByText('The specification as text').click();
  const right = await specText(page).inputValue();

  await specText(page).fill(right.replace('256', '"many"'));
  await expectProblem(page, 5, /encoder\[0\]\.units is "many"; expected an integer from 1 to 65536/);
  await specText(page).fill(right.replace('"latent": 2,', '"latent": 2'));
  await expectProblem(page, 4, /A comma is missing before this/);
  await expect(field(page, 'Likelihood p(x|z)')).toBeDisabled();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' }); // colours at once
    const cards = new AxeBuilder({ page }).include('#model').include('#training').include('.transport');
    expect((await cards.analyze()).violations).toEqual([]);
  }
  // what only the model's layers together can tell
  await specText(page).fill(
    right.replace('"decoder": [', '"decoder": [\n{"type": "reshape", "shape": [7, 7, 3]},'),
  );
  await expectProblem(page, 9, /decoder\[0\]/);
  await specText(page).fill(right.replace('"latent"', '"latents"'));
  await expectProblem(page, 3, /unknown field 'latents'/);
  await specText(page).fill(right.replace('28, 28', '14, 14'));
  await expectProblem(page, 2, /the images are \[28, 28, 1\]/);

  await specText(page).fill(right.replace('"latent": 2', '"latent": 3').replace('256', '64'));
  await expect(specText(page)).toHaveAttribute('aria-invalid', 'false');
  await expect(field(page, 'Latent size')).toHaveValue('3');
  await expect(card).toContainText('has another latent, encoder; press Train from scratch');
  await field(page, 'Objective').selectOption('beta-tc');
  await field(page, 'gamma').fill('2.5');
  await expect(specText(page)).toHaveValue(
    /"objective": \{"type": "beta-tc", "alpha": 1, "beta": 6, "gamma": 2.5\}/,
  );
  await expect(specText(page)).toHaveValue(/"latent": 3/);
  await press(page, 'Reset');
  await expect(card).toContainText('The model that is shown is like this.');
  await expect(field(page, 'β, the weight of the KL')).toBeDisabled();
  await expect(page.locator('#training')).toContainText('The beta-tc objective');
  expect(errors).toEqual([]);
});

test('convolutions, Laplace and five latents are chosen and trained', async ({ page }) => {
  test.slow(); // ten kernels of convolutions are compiled, and a thousand images encoded
  const { errors } = await openDemo(page, server.url);
  await field(page, 'Networks').selectOption('conv');
  await field(page, 'Likelihood p(x|z)').selectOption('laplace');
  await field(page, 'Latent size').fill('5');
  await field(page, 'Batch size').fill('8');
  await expect(field(page, 'Networks').locator('option:checked')).toHaveText('Convolutions');
  await expect(page.getByRole('option', { name: 'World Models (needs images of 64 × 64)' })).toBeDisabled();
  await press(page, 'Reset');
  await expect(page.locator('#model')).toContainText('The model that is shown is like this.');
  for (const step of [1, 2, 3]) {
    await press(page, 'Step');
    await expect(announced(page)).toHaveText(`Paused at step ${step}`, { timeout: 150_000 });
  }
  await expect(page.locator('.numbers')).toContainText(/ELBO-?\d+\.\d+ nats/);
  expect(errors).toEqual([]);
});

/** Every control with what it is set to. */
function controls(page: Page): Promise<string[]> {
  return page
    .locator('.controls :is(input, select, textarea), .transport input')
    .evaluateAll((all) =>
      all.map((c) => `${(c as HTMLInputElement).value} ${String((c as HTMLInputElement).checked)}`),
    );
}

/** The picture of the samples, when there is one. */
async function picture(page: Page): Promise<Buffer> {
  const canvas = page.locator('#samples canvas');
  let shot: Buffer = Buffer.alloc(0);
  await expect(async () => {
    const [before, now] = [await canvas.screenshot(), await canvas.screenshot()];
    expect(now.equals(before)).toBe(true);
    expect(new Set(decode(now).data).size).toBeGreaterThan(20);
    shot = now;
  }).toPass();
  return shot;
}

test('a copied link gives the same controls and the same picture', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openDemo(page, server.url);
  await field(page, 'Networks').selectOption('dense');
  await field(page, 'Latent size').fill('3');
  await field(page, 'Likelihood p(x|z)').selectOption('gaussian');
  await field(page, 'Seed').fill('42');
  await field(page, 'Optimiser').selectOption('sgd');
  await field(page, 'Learning rate, as a number').fill('0.05');
  await field(page, 'β, the weight of the KL, as a number').fill('2.5');
  await press(page, 'Reset');
  await expect(page.locator('#model')).toContainText('The model that is shown is like this.');
  await press(page, 'Copy link');
  await expect(page.getByRole('button', { name: 'Link copied' })).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(/#.*seed=42&optimizer=sgd&rate=0.05&beta=2.5&pretrained=0$/);
  await expect.poll(() => page.url()).toBe(link);

  const [first, wanted] = [await picture(page), await controls(page)];
  const open = async (address: string): Promise<Page> => {
    const other = await context.newPage();
    const { errors } = await openDemo(other, address);
    await expect(other.locator('#model')).toContainText('The model that is shown is like this.');
    await expect(other.locator('.top')).toContainText('Fashion-MNIST');
    expect(errors).toEqual([]);
    return other;
  };
  const same = await open(link);
  expect(await controls(same)).toEqual(wanted);
  expect((await picture(same)).equals(first)).toBe(true);
  // the address is followed, and another seed is another picture
  await same.evaluate(() => void (location.hash = location.hash.replace('seed=42', 'seed=43')));
  await expect(field(same, 'Seed')).toHaveValue('43');
  await expect(async () => expect((await picture(same)).equals(first)).toBe(false)).toPass();
  await same.goBack();
  await expect(field(same, 'Seed')).toHaveValue('42');
  await expect(async () => expect((await picture(same)).equals(first)).toBe(true)).toPass();
});

test('a broken or hostile address leaves a note and the page as it is', async ({ page }) => {
  const { errors } = await openDemo(page, `${server.url}#beta=1e999&spec={`);
  const notes = page.locator('.notes');
  await expect(notes).toContainText('The address says beta=1e999; expected a number from 0 to 1000.');
  await expect(field(page, 'β, the weight of the KL, as a number')).toHaveValue('1');
  const pretrained = await picture(page);
  await expect.poll(() => page.url()).toBe(server.url);

  await page.evaluate(() => void (location.hash = 'spec=<script>alert(1)</script>'));
  await expect(notes).toContainText('The address says spec=');
  // every field of it is right, but its decoder ends in another shape
  const unbuildable = {
    input: [28, 28, 1],
    latent: 2,
    encoder: [],
    decoder: [{ type: 'reshape', shape: [2, 1, 1] }],
  };
  await page.evaluate(
    (spec) => void (location.hash = `pretrained=0&seed=5&spec=${encodeURIComponent(JSON.stringify(spec))}`),
    unbuildable,
  );
  await expect(notes).toContainText('[spec.decoder[0]]');
  await expect(field(page, 'Seed')).toHaveValue('1');
  expect((await picture(page)).equals(pretrained)).toBe(true);
  expect(errors).toEqual([]);
});
