/**
 * Plan: checkpoints in a page, whose tab may be closed at any time.
 * | axis  | control           | cases                                                                              |
 * | tab   | left open         | closed behind step 100; closed twenty times at seeded moments while it saves        |
 * | slots | two whole saves   | damaged: the newer, both; torn in place by a worker without createWritable          |
 * | rest  | a store of a name | open in a second tab, reloaded, over quota, closed, without a file system, bad name |
 * Then the cache of checkpoints by URL; e2e/unit/fetch-checkpoint.spec.ts has the rest.
 */
import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { integers } from '../random-integers.js';
import { numbersDigest } from '../resume-run.js';
import { openSite, startSite, type Site } from '../site/server.js';

let site: Site;
let context: BrowserContext;

test.describe.configure({ timeout: 480_000 }); // every tab compiles its kernels anew

test.beforeAll(async ({ browser }) => {
  site = await startSite();
  context = await browser.newContext();
});
test.afterAll(async () => {
  await context.close();
  await site.close();
});

async function openTab(): Promise<Page> {
  const page = await context.newPage();
  await openSite(page, site);
  return page;
}

/** A new tab, when those before have given their stores back, which takes a moment where other work shares the machine. */
async function openNextTab(): Promise<Page> {
  const page = await openTab();
  await page.waitForFunction(async () => (await navigator.locks.query()).held?.length === 0);
  return page;
}

/** Trains into the store of that name to the end, in a tab of its own. */
async function trainToTheEnd(name: string): Promise<Uint8Array> {
  const page = await openNextTab();
  await page.evaluate((store) => globalThis.site.trainIntoStore(store), name);
  const bytes = await page.evaluate((store) => globalThis.site.readStore(store), name);
  await page.close();
  return Uint8Array.from(bytes!);
}

interface Closed {
  /** The step that the tab found in the store; 0 where there was nothing. */
  readonly began: number;
  /** The last step that it told was saved. */
  readonly acknowledged: number;
}

/** Trains in a tab that is closed `afterMs` after it has acknowledged `saves` saves. */
async function trainAndClose(name: string, saves: number, afterMs: number): Promise<Closed> {
  const page = await openNextTab();
  const training = page.evaluate((store) => globalThis.site.trainIntoStore(store), name);
  training.catch(() => undefined); // the tab is closed under it
  const saved = page.waitForFunction((count) => (globalThis.saved?.length ?? 0) > count, saves);
  await Promise.race([saved, training]); // what the training throws ends the wait
  await page.waitForTimeout(afterMs);
  const steps = (await page.evaluate(() => globalThis.saved))!;
  await page.close();
  return { began: steps[0]!, acknowledged: steps.at(-1)! };
}

test.describe('a closed tab', () => {
  let uninterrupted: string;
  test.beforeAll(async () => {
    uninterrupted = await numbersDigest(await trainToTheEnd('whole'));
  });

  test('behind step 100', async () => {
    const { began, acknowledged } = await trainAndClose('once', 100, 0);
    expect(began).toBe(0);
    expect(acknowledged).toBeGreaterThanOrEqual(100);
    expect(acknowledged).toBeLessThan(200);
    expect(await numbersDigest(await trainToTheEnd('once'))).toBe(uninterrupted);
  });

  test('twenty times while it saves', async () => {
    test.setTimeout(900_000); // a minute alone on two cores, ten times that where other work shares them
    const saves = integers(20, 3, 6).map((count) => 1 + count);
    const delays = integers(20, 4, 24);
    const tabs: Closed[] = [];
    for (const [index, count] of saves.entries()) {
      tabs.push(await trainAndClose('often', count, delays[index]!));
      // The store opens, so a slot is whole, and no save that was acknowledged is lost.
      expect(tabs[index]!.began).toBeGreaterThanOrEqual(tabs[index - 1]?.acknowledged ?? 0);
    }
    const unacknowledged = tabs.filter(({ began }, index) => began > (tabs[index - 1]?.acknowledged ?? 0));
    test.info().annotations.push({
      type: 'tabs closed',
      description: `at steps ${tabs.map(({ acknowledged }) => acknowledged).join(' ')}; ${unacknowledged.length} times the save in flight was whole`,
    });
    expect(await numbersDigest(await trainToTheEnd('often'))).toBe(uninterrupted);
  });
});

test.describe('a store', () => {
  let page: Page;
  test.beforeEach(async () => {
    page = await openTab();
  });
  test.afterEach(() => page.close());

  /** Opens the store, saves the texts in turn, and loads: the text, `nothing`, or the message of the error. */
  const exchange = (tab: Page, name: string, ...texts: string[]): Promise<string> =>
    tab.evaluate(
      async ([store, saves]) => {
        const { CheckpointStore } = globalThis.site.storage;
        try {
          const opened = await CheckpointStore.open(store);
          try {
            // All at once: the store puts them in order.
            await Promise.all(saves.map((text) => opened.save(new TextEncoder().encode(text))));
            const bytes = await opened.load();
            return bytes ? new TextDecoder().decode(bytes) : 'nothing';
          } finally {
            await opened.close();
          }
        } catch (error) {
          return (error as Error).message;
        }
      },
      [name, texts] as const,
    );

  async function reload(tab: Page): Promise<void> {
    await tab.reload();
    await tab.waitForFunction(() => 'site' in globalThis);
  }

  test('gives back the newest save, over reloads, until it is cleared', async () => {
    expect(await exchange(page, 'plain')).toBe('nothing');
    expect(await exchange(page, 'plain', 'one')).toBe('one');
    expect(await exchange(page, 'plain', 'two', 'three')).toBe('three');
    await reload(page);
    expect(await exchange(page, 'plain')).toBe('three');
    await page.evaluate(async () => {
      const store = await globalThis.site.storage.CheckpointStore.open('plain');
      await store.clear();
      await store.close();
    });
    expect(await exchange(page, 'plain')).toBe('nothing');
  });

  test('falls back to the save before a damaged one, and says so of two', async () => {
    const damage = (slot: number): Promise<void> =>
      page.evaluate(async (index) => {
        const root = await navigator.storage.getDirectory();
        const folder = await (await root.getDirectoryHandle('webgpu-vae')).getDirectoryHandle('torn');
        const writable = await (
          await folder.getFileHandle(`slot-${index}`)
        ).createWritable({ keepExistingData: true });
        await writable.write({ type: 'write', position: 84, data: 'X' });
        await writable.close();
      }, slot);
    await exchange(page, 'torn', 'one', 'two', 'three');
    await damage(0); // the third save
    expect(await exchange(page, 'torn')).toBe('two');
    expect(await exchange(page, 'torn', 'four')).toBe('four');
    await damage(0);
    await damage(1);
    expect(await exchange(page, 'torn')).toBe(
      "[storage] both slots of 'torn' are damaged; clear() the store and begin anew",
    );
  });

  test('is open once, over tabs', async () => {
    await page.evaluate(async () => void (await globalThis.site.storage.CheckpointStore.open('shared')));
    const second = await openTab();
    expect(await exchange(second, 'shared', 'mine')).toBe(
      "[storage] 'shared' is open in another tab or worker of this site; close it there, or choose another name",
    );
    expect(await exchange(second, 'other', 'mine')).toBe('mine');
    await reload(page); // gives the lock back
    expect(await exchange(page, 'shared', 'mine')).toBe('mine');
    await second.close();
  });

  test('names the sizes when it is over quota, and keeps the last save', async () => {
    await exchange(page, 'full', 'small');
    const protocol = await context.newCDPSession(page);
    const { origin } = new URL(page.url());
    await protocol.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
    expect(await exchange(page, 'full', 'x'.repeat(3_000_000))).toMatch(
      /^\[storage\] the checkpoint of 3000082 bytes cannot be written \((Quota|Abort).*\); the site has \d+ bytes stored; the one before it is kept; /,
    );
    expect(await exchange(page, 'full')).toBe('small');
    await protocol.send('Storage.overrideQuotaForOrigin', { origin });
  });

  test('refuses a bad name, a closed store, and a page without a file system', async () => {
    expect(await exchange(page, '../x')).toMatch(/^\[storage\] the name is "\.\.\/x"; expected 1 to 64/);
    const closed = await page.evaluate(async () => {
      const store = await globalThis.site.storage.CheckpointStore.open('gone');
      await store.close();
      return String(await store.load().catch((error: unknown) => error));
    });
    expect(closed).toBe("CheckpointError: [storage] 'gone' was closed; open it again");
    await page.evaluate(() => Object.defineProperty(navigator, 'locks', { value: undefined }));
    expect(await exchange(page, 'gone')).toMatch(
      /^\[storage\] this environment has no private file system or no locks; use a page or worker on https/,
    );
  });

  test('writes in place where a worker has nothing else', async () => {
    const answers = await page.evaluate(
      () =>
        new Promise<unknown>((resolve, reject) => {
          const worker = new Worker('/e2e/site/storage-worker.js', { type: 'module' });
          worker.addEventListener('message', ({ data }) => resolve(data));
          worker.addEventListener('error', ({ message }) => reject(new Error(message)));
        }),
    );
    expect(answers).toEqual(['three', 'two']);
  });
});

test.describe('a checkpoint by URL', () => {
  const fetched = (page: Page, cache?: string | false): Promise<string> =>
    page.evaluate(async (name) => {
      const { fetchCheckpoint } = globalThis.site.storage;
      const reports: number[][] = [];
      const bytes = await fetchCheckpoint('/files/model', {
        ...(name !== undefined && { cache: name }),
        onProgress: (...report) => void reports.push(report as number[]),
      });
      return JSON.stringify([bytes.length, reports.at(-1)]);
    }, cache);

  test('comes from the cache the second time, and again from the server where the cache is damaged', async () => {
    const page = await openTab();
    const file = Buffer.from(await writeSafetensors(new Map(), { some: 'text' }));
    let requests = 0;
    await page.route('**/files/model', (route) => {
      requests++;
      return route.fulfill({ body: file, headers: { 'content-length': String(file.length) } });
    });
    const whole = JSON.stringify([file.length, [file.length, file.length]]);
    for (const expected of [1, 1]) {
      expect(await fetched(page)).toBe(whole);
      expect(requests).toBe(expected);
    }
    await fetched(page, 'another');
    expect(requests).toBe(2);
    await fetched(page, false);
    expect(requests).toBe(3);
    await page.evaluate(async () =>
      (await caches.open('webgpu-vae')).put('/files/model', new Response('not a file')),
    );
    for (let visit = 0; visit < 2; visit++) expect(await fetched(page)).toBe(whole);
    expect(requests).toBe(4);
    await page.close();
  });
});
