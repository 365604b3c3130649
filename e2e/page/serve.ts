/**
 * Opens the page of e2e/page/host.ts without a server: requests to http://localhost (a secure context, where WebGPU is
 * exposed) are answered from memory and from dist/, so the library under test is the one that users get.
 */
import type { Browser, Page, Route } from '@playwright/test';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'vite';
import { requireAdapter } from '../browser.js';

const root = resolve(import.meta.dirname, '../..');
const library = join(root, 'dist');
const origin = 'http://localhost';

const html = `<!doctype html>
<title>webgpu-vae kernel tests</title>
<script type="importmap">{ "imports": { "webgpu-vae/gpu": "/dist/gpu.js" } }</script>
<script type="module" src="/host.js"></script>`;

/**
 * A page that is ready to run kernel cases, on an adapter.
 * @throws Error with advice when the library is not built or the browser has no adapter
 */
export async function openKernelPage(browser: Browser): Promise<Page> {
  if (!existsSync(join(library, 'gpu.js')))
    throw new Error('[page] dist/gpu.js is missing; the page tests the built library; run: npm run build');
  const host = await bundleHost();
  const page = await browser.newPage();
  await page.route(`${origin}/**`, (route) => answer(route, host));
  await page.goto(`${origin}/`);
  await requireAdapter(page);
  await page.waitForFunction(() => globalThis.kernelHost !== undefined);
  return page;
}

/** The host and the cases as one module, which leaves the library to the page. */
async function bundleHost(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry: join(import.meta.dirname, 'host.ts'), formats: ['es'] },
      rolldownOptions: { external: ['webgpu-vae/gpu'] },
    },
  });
  const [output] = [result].flat();
  if (!output || !('output' in output)) throw new Error('[page] Vite gave no bundle of e2e/page/host.ts');
  return output.output[0].code;
}

async function answer(route: Route, host: string): Promise<void> {
  const { pathname } = new URL(route.request().url());
  if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: html });
  if (pathname === '/host.js') return route.fulfill({ contentType: 'text/javascript', body: host });
  const file = join(root, pathname);
  const isLibrary = file.startsWith(library) && existsSync(file);
  return isLibrary
    ? route.fulfill({ path: file, contentType: 'text/javascript' })
    : route.fulfill({ status: 404 });
}
