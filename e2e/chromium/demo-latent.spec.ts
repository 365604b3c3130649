/**
 * Plan: the page's views of the latent space, as a visitor uses them, on the built files.
 * - the point: dragged, clicked onto a mark, moved by keys; the decoded picture follows;
 * - the manifold and the point's picture change while the model learns, and the bars sum to the KL of the bound;
 * - a model of five latents of which two have collapsed: sliders, their order, axes, bars;
 * - a way between pins: its ends are the pins' pictures, both ways, and it plays;
 * - no serious violation of accessibility in these cards, nor anything wider than a phone;
 * - figures: pictures a second while the point is dragged, and the longest task of the page while it trains.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { canvasLaunch } from '../browser.js';
import { openDemo, serveDemo, type DemoServer } from '../demo-page.js';
import { fiveLatents } from '../five-latents.js';

test.use({ launchOptions: canvasLaunch });

let server: DemoServer;
test.beforeAll(async () => (server = await serveDemo()));
test.afterAll(() => server.close());

/** A hash of each of the images side by side on a canvas, of its own pixels; `blank` before they have been drawn. */
function shownTiles(canvas: Locator, count: number): Promise<string[]> {
  return canvas.evaluate((element: HTMLCanvasElement, columns) => {
    const copy = document.createElement('canvas');
    const { width, height } = Object.assign(copy, { width: element.width, height: element.height });
    const context = copy.getContext('2d')!;
    context.drawImage(element, 0, 0);
    return Array.from({ length: columns }, (_, tile) => {
      const { data } = context.getImageData((tile * width) / columns, 0, width / columns, height);
      if (data.every((value) => value === 0)) return 'blank';
      // FNV-1a
      return String(data.reduce((hash, value) => Math.imul(hash ^ value, 0x01000193), 0x811c9dc5));
    });
  }, count);
}

async function shown(canvas: Locator): Promise<string> {
  return (await shownTiles(canvas, 1)).join();
}

const pictures = {
  point: /^The image that the point/,
  manifold: /^Decoded images of/,
  way: /on the way from A to B$/,
  between: /between A and B$/,
} as const;
const picture = (page: Page, name: keyof typeof pictures): Locator =>
  page.getByRole('img', { name: pictures[name] });
const handle = (page: Page): Locator => page.getByRole('slider', { name: 'Latent point' });
const coordinates = (page: Page): Locator => page.getByLabel('Coordinates of the point');

/** Waits until a canvas shows something other than `before`, and gives it. */
async function changed(canvas: Locator, before = 'blank'): Promise<string> {
  await expect.poll(() => shown(canvas)).not.toBe(before);
  await expect.poll(() => shown(canvas)).not.toBe('blank');
  return shown(canvas);
}

/** The page with its model, images and codes shown. */
async function open(page: Page, checkpoint?: Uint8Array): Promise<string[]> {
  if (checkpoint)
    await page.route('**/pretrained.safetensors', (route) =>
      route.fulfill({ body: Buffer.from(checkpoint) }),
    );
  const { errors } = await openDemo(page, server.url);
  await expect(page.getByText(/latents are used/)).toBeAttached();
  await page.locator('#latent-space').scrollIntoViewIfNeeded();
  await changed(picture(page, 'point'));
  return errors;
}

async function placeIn(page: Page, across: number, down: number): Promise<[number, number]> {
  const { x, y, width, height } = (await handle(page).boundingBox())!;
  return [x + across * width, y + down * height];
}

test('the point is dragged, clicked and moved by keys, and its picture follows', async ({ page }) => {
  const errors = await open(page);
  const point = picture(page, 'point');
  const atOrigin = await shown(point);
  await page.getByRole('radio', { name: 'images' }).check();
  await page.mouse.move(...(await placeIn(page, 0.75, 0.25)));
  await page.mouse.down();
  await expect(coordinates(page)).toHaveText('z1 = 1.65, z2 = 1.65');
  const pressed = await changed(point, atOrigin);
  await page.mouse.move(...(await placeIn(page, 0.25, 0.75)), { steps: 4 });
  await expect(coordinates(page)).toHaveText('z1 = -1.65, z2 = -1.65');
  const dragged = await changed(point, pressed);
  await page.mouse.move(...(await placeIn(page, 1.4, 0.5)));
  await expect(coordinates(page)).toHaveText('z1 = 3.30, z2 = 0.00'); // held at the edge
  await page.mouse.up();
  await page.mouse.move(...(await placeIn(page, 0.5, 0.5)));
  await page.keyboard.press('Home');
  await expect(coordinates(page)).toHaveText('z1 = 0.00, z2 = 0.00');
  await expect.poll(() => shown(point)).toBe(atOrigin);
  await handle(page).focus();
  for (const key of ['ArrowRight', 'ArrowUp', 'ArrowUp', 'Shift+ArrowLeft', 'Shift+ArrowDown'])
    await page.keyboard.press(key);
  await expect(handle(page)).toHaveAttribute('aria-valuetext', 'z1 = -0.40, z2 = -0.30');
  expect(await changed(point, atOrigin)).not.toBe(dragged);
  expect(errors).toEqual([]);
});

test('a click goes to the mark beside it when marks are shown', async ({ page }) => {
  await open(page);
  const click = async (across: number, down: number): Promise<string> => {
    await page.mouse.click(...(await placeIn(page, across, down)));
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    return coordinates(page).innerText();
  };
  // 2 pixels apart, among trousers
  const [left, right] = [0.64, 0.64 + 1 / 560];
  await page.getByRole('radio', { name: 'images' }).check();
  expect(await click(left, 0.8)).not.toBe(await click(right, 0.8));
  await page.getByRole('radio', { name: 'points' }).check();
  const snapped = await click(left, 0.8);
  expect(snapped).not.toBe('z1 = 0.92, z2 = -1.98');
  const [x, y] = snapped.match(/-?[\d.]+(?=,|$)/g)!.map(Number) as [number, number];
  const pixels = 560 / 6.6;
  expect(Math.hypot(x - 0.924, y + 1.98) * pixels).toBeLessThan(13);
  expect(await click(left, 0.8)).toBe(snapped);
});

test('the manifold changes while the model learns, and the bars sum to the KL of the bound', async ({
  page,
}) => {
  const errors = await open(page);
  const [manifold, point] = [picture(page, 'manifold'), picture(page, 'point')];
  const before = await Promise.all([changed(manifold), shown(point)]);
  await page.locator('#kl-bars summary').click();
  await page.getByRole('button', { name: 'Train on', exact: true }).click();
  await page.locator('#latent-space').scrollIntoViewIfNeeded(); // what is out of sight is not drawn
  await changed(manifold, before[0]);
  await changed(point, before[1]);
  const bound = page.locator('#kl-bars .explain output');
  await expect(bound).toHaveText(/^[\d.]+$/, { timeout: 30_000 });
  await page.getByRole('button', { name: 'Pause' }).click();
  const sum = Number(await page.locator('#kl-bars tfoot td').innerText());
  const kl = Number(await bound.innerText());
  // of other images (500 of the 1000) and of a step nearby
  expect(Math.abs(sum / kl - 1), `bars ${sum}, bound ${kl}`).toBeLessThan(0.15);
  expect(errors).toEqual([]);
});

test('five latents, two of them collapsed: sliders, axes and bars', async ({ page }) => {
  const errors = await open(page, await fiveLatents());
  const bars = page.locator('#kl-bars');
  await expect(bars.getByRole('status')).toHaveText('3 of 5 latents are used');
  await expect(bars.getByRole('cell', { name: 'collapsed' })).toHaveCount(2);
  const nats = async (): Promise<number[]> =>
    (await bars.locator('tbody td:last-child').allInnerTexts()).map(Number);
  expect(await nats()).not.toEqual((await nats()).toSorted((a, b) => b - a));
  await page.getByLabel('Largest first').check();
  expect(await nats()).toEqual((await nats()).toSorted((a, b) => b - a));

  const sliders = page.locator('#traversals').getByRole('slider');
  await expect(sliders).toHaveCount(5);
  const order = await sliders.evaluateAll((inputs) =>
    inputs.map((input) => input.getAttribute('aria-label')),
  );
  expect(order).toEqual(await bars.locator('tbody th').allInnerTexts());
  const [point, manifold] = [picture(page, 'point'), picture(page, 'manifold')];
  const before = await Promise.all([shown(point), changed(manifold)]);
  await sliders.nth(0).fill('1.5');
  const name = order[0]!;
  await expect(page.locator('#traversals li').nth(0)).toContainText(`${name} 1.50`);
  await page.locator('#latent-space').scrollIntoViewIfNeeded();
  await changed(point, before[0]);
  const held = await changed(manifold, before[1]); // z3 is on no axis, so the plane has moved
  await page.getByRole('combobox', { name: 'Across' }).selectOption(name);
  await expect(coordinates(page)).toHaveText('z3 = 1.50, z2 = 0.00');
  await changed(manifold, held);
  await page.getByRole('combobox', { name: 'Up' }).selectOption(name);
  await expect(coordinates(page)).toHaveText('z2 = 0.00, z3 = 1.50'); // the axes have changed places
  await page.getByRole('button', { name: 'Back to the origin' }).click();
  await expect(sliders.nth(0)).toHaveValue('0');
  expect(errors).toEqual([]);
});

test('a way goes from one pinned picture to the other, straight or along the sphere', async ({ page }) => {
  const errors = await open(page);
  const point = picture(page, 'point');
  const ends: string[] = [await shown(point)];
  const pinHere = page.getByRole('button', { name: 'Pin the latent point' });
  for (const key of ['Shift+ArrowRight', 'Shift+ArrowUp']) {
    await handle(page).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press(key);
    ends.push(await changed(point, ends.at(-1)));
    await pinHere.click();
  }
  await expect(page.getByRole('radio', { name: 'A a point' })).toBeChecked(); // the next to be pinned
  const [way, between] = [picture(page, 'way'), picture(page, 'between')];
  await way.scrollIntoViewIfNeeded();
  const strip = (): Promise<string[]> => shownTiles(way, 11);
  const stripEnds = async (): Promise<unknown[]> => (await strip()).filter((_, tile) => tile % 10 === 0);
  await expect.poll(stripEnds).toEqual([ends[1], ends[2]]);
  const straight = await shown(way);
  await page.getByRole('radio', { name: 'spherical' }).check();
  await changed(way, straight);
  await expect.poll(stripEnds).toEqual([ends[1], ends[2]]);
  const arc = await strip();
  const slider = page.getByRole('slider', { name: 'Between A and B' });
  for (const [place, tile] of [
    ['100', 10],
    ['50', 5],
    ['0', 0],
  ] as const) {
    await slider.fill(place);
    await expect.poll(() => shown(between)).toBe(arc[tile]);
  }
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(() => slider.inputValue()).not.toBe('0');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: /trouser, number 3/ }).click();
  await expect.poll(async () => (await strip())[0]).not.toBe(arc[0]);
  expect(errors).toEqual([]);
});

test('cards of the latent space are for everyone', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await open(page, await fiveLatents());
    for (const id of ['latent-space', 'interpolation', 'traversals', 'kl-bars'])
      await page.locator(`#${id} summary`).click();
    const { violations } = await new AxeBuilder({ page })
      .include(['#latent-space'])
      .include(['#interpolation'])
      .include(['#traversals'])
      .include(['#kl-bars'])
      .analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  }
});

/** Counts what the worker draws on canvases of 28x28, of which the point's is the only one that is not still. */
async function countPictures(page: Page): Promise<() => Promise<number>> {
  const worker = page.workers()[0]!;
  await worker.evaluate(() => {
    const counter = globalThis as unknown as { pictureCount: number };
    counter.pictureCount = 0;
    const original = Object.getOwnPropertyDescriptor(GPUCanvasContext.prototype, 'getCurrentTexture')!;
    const value = function (this: GPUCanvasContext): unknown {
      if (this.canvas.width === 28) counter.pictureCount++;
      return Reflect.apply(original.value as () => unknown, this, []);
    };
    Object.defineProperty(GPUCanvasContext.prototype, 'getCurrentTexture', { ...original, value });
  });
  return () => worker.evaluate(() => (globalThis as unknown as { pictureCount: number }).pictureCount);
}

/** Circles for a while, with a move every 8 ms or as fast as the browser takes them. */
async function circle(page: Page, milliseconds: number): Promise<void> {
  const client = await page.context().newCDPSession(page);
  const { x, y, width } = (await handle(page).boundingBox())!;
  await page.mouse.move(x + 0.9 * width, y + 0.5 * width);
  await page.mouse.down();
  const started = performance.now();
  while (performance.now() - started < milliseconds) {
    const angle = (performance.now() - started) / 500;
    void client.send('Input.dispatchMouseEvent', {
      type: 'mouseMoved',
      button: 'left',
      buttons: 1,
      x: x + width * (0.5 + 0.4 * Math.cos(angle)),
      y: y + width * (0.5 + 0.4 * Math.sin(angle)),
    });
    await new Promise((done) => setTimeout(done, 8));
  }
  await page.mouse.up();
}

test('figures: pictures a second while dragging, and the longest task of the page while training', async ({
  page,
}) => {
  const errors = await open(page);
  const count = await countPictures(page);
  const drag = async (): Promise<number> => {
    const [before, started] = [await count(), performance.now()];
    await circle(page, 3000);
    return ((await count()) - before) / ((performance.now() - started) / 1000);
  };
  const resting = await drag();
  await page.getByRole('button', { name: 'Train on', exact: true }).click();
  await changed(picture(page, 'manifold'), await shown(picture(page, 'manifold')));
  const waits = await page.evaluate(async () => {
    let [task, timer, last] = [0, 0, performance.now()];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) task = Math.max(task, duration);
    });
    observer.observe({ type: 'longtask' });
    const started = last;
    while (last < started + 3000) {
      await new Promise((done) => setTimeout(done, 4));
      const now = performance.now();
      timer = Math.max(timer, now - last - 4);
      last = now;
    }
    observer.disconnect();
    return { task, timer };
  });
  const training = await drag();
  const longest = waits.task === 0 ? 'below 50 ms' : `${waits.task.toFixed(0)} ms`;
  test.info().annotations.push(
    {
      type: 'figure',
      description: `dragging the latent point, 28x28 decoded: ${resting.toFixed(0)} pictures/s, ${training.toFixed(0)} while training`,
    },
    {
      type: 'figure',
      description: `longest task of the page in 3 s of training: ${longest}; longest wait of a timer: ${waits.timer.toFixed(0)} ms`,
    },
  );
  expect(resting).toBeGreaterThan(1);
  expect(training).toBeGreaterThan(0);
  expect(errors).toEqual([]);
});
