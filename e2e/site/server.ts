/**
 * A site on localhost that serves the built library and the modules beside this file, under a policy that allows
 * nothing else. A server rather than answers from the test, because workers fetch their modules past those.
 */
import type { Page } from '@playwright/test';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type * as Library from '../../src/index.js';
import type * as Coding from '../../src/vae/coding/index.js';
import type * as CheckpointStorage from '../../src/vae/storage/index.js';
import type * as Interop from '../../src/vae/interop/index.js';
import type * as InWorker from '../../src/vae/worker/index.js';
import { requireAdapter } from '../browser.js';

const root = resolve(import.meta.dirname, '../..');

/** What embedding applications may impose: no inline script, no eval, no blob worker, no other origin. */
export const strictPolicy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'";

/** URL folders, named as in the repository so that relative imports hold in both, and where they lie. */
const folders: Readonly<Record<string, string>> = {
  '/dist/': join(root, 'dist'),
  '/e2e/site/': import.meta.dirname,
};

const html = `<!doctype html><html lang="en"><title>webgpu-vae</title><link rel="icon" href="data:,"><script type="module" src="/e2e/site/page.js"></script></html>`;

/** What site/run.js is asked to do; the bytes are those of a data set. */
export interface Task {
  /** Units of a hidden layer. */
  readonly hidden: number;
  /** Hidden layers on either side. */
  readonly depth: number;
  readonly latent: number;
  readonly rows: number;
  readonly shape: readonly number[];
  readonly bytes: readonly number[];
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** What it answers. */
export interface TaskResult {
  readonly elbos: readonly number[];
  readonly weightsHash: string;
  readonly adapter: string;
  readonly dispatchesPerStep: number;
  readonly submitsPerStep: number;
  /** From the call to the first step's terms, adapter, compilation and all. */
  readonly firstTermsMs: number;
  readonly stepMs: number;
  readonly compileTimeMs: number;
  readonly liveByteLengthAfter: number;
}

/** A model and a file of images for site/coding.js, the bytes as base64. */
export interface RecodeTask {
  readonly model: string;
  readonly file: string;
  readonly rows: number;
  readonly shape: readonly number[];
  readonly pixels: string;
}

/** Base64 of i32[N, K], f32[N, ...shape], a file, and the i32[N, K] in that file. */
export type RecodeResult = Readonly<Record<'latents' | 'pixels' | 'written' | 'ownLatents', string>>;

declare global {
  /** Set by site/page.js. */
  var site: {
    readonly library: typeof Library;
    readonly coding: typeof Coding;
    readonly storage: typeof CheckpointStorage;
    trainIntoStore(name: string): Promise<void>;
    readStore(name: string): Promise<number[] | undefined>;
    readonly interop: typeof Interop;
    readonly worker: typeof InWorker;
    recode(task: RecodeTask): Promise<RecodeResult>;
    train(task: Task): Promise<TaskResult>;
    trainInWorker(task: Task): Promise<TaskResult>;
    readonly violations: readonly string[];
  };
  /** Of trainIntoStore: the step that it began at, and those whose saves were acknowledged. */
  var saved: number[] | undefined;
}

/** A running site; `close` ends it. */
export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the site on a free port. @throws Error with advice when the library is not built */
export async function startSite(): Promise<Site> {
  if (!existsSync(join(root, 'dist/index.js')))
    throw new Error('[site] dist/index.js is missing; the page tests the built library; run: npm run build');
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    void answer(pathname).then(({ status, type, body }) =>
      response.writeHead(status, { 'content-type': type, 'content-security-policy': strictPolicy }).end(body),
    );
  });
  await new Promise<void>((ready) => server.listen(0, 'localhost', ready));
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}/`, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}

async function answer(path: string): Promise<{ status: number; type: string; body: string | Buffer }> {
  if (path === '/') return { status: 200, type: 'text/html', body: html };
  const folder = Object.keys(folders).find((prefix) => path.startsWith(prefix));
  const file = folder && resolve(folders[folder]!, path.slice(folder.length));
  if (!file?.startsWith(folders[folder!]!) || !file.endsWith('.js') || !existsSync(file))
    return { status: 404, type: 'text/plain', body: `there is no ${path}` };
  return { status: 200, type: 'text/javascript', body: await readFile(file) };
}

/** Opens the site and waits for its module. @throws Error with advice when the browser has no adapter */
export async function openSite(page: Page, site: Site): Promise<void> {
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto(site.url);
  await requireAdapter(page);
  await page
    .waitForFunction(() => 'site' in globalThis)
    .catch((cause: unknown) => {
      throw new Error(
        `[site] page.js did not load: ${errors.map(String).join('; ') || 'no error was seen'}`,
        { cause },
      );
    });
}
