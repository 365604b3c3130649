/**
 * The browser of the chromium project, and the rule that a test without a GPU fails: a run that tested
 * nothing must not look like one that passed. A page opened here is a secure context without any server.
 */
import { test, type LaunchOptions, type Page } from '@playwright/test';
import { findChromium } from '../src/node/chromium.mjs';

/** An adapter of the machine, e.g. `WEBGPU_VAE_ADAPTER=auto`; by default tests run on SwiftShader in a browser. */
const isSoftwareAsked = ['', 'swiftshader'].includes(process.env['WEBGPU_VAE_ADAPTER'] ?? '');

const executablePath = findChromium();

/**
 * How Chromium is started. Without --enable-unsafe-webgpu it offers no adapter on a machine without a GPU;
 * the rest keeps it from talking to its maker's servers.
 */
export const chromiumLaunch: LaunchOptions = {
  // Playwright's default download has no WebGPU in headless mode; the channel names the one that has.
  ...(executablePath ? { executablePath } : { channel: 'chromium' }),
  args: [
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    isSoftwareAsked ? '--use-webgpu-adapter=swiftshader' : '--enable-features=Vulkan',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/** What an adapter says of itself: GPUAdapterInfo, or a copy of it from a page. */
export type AdapterWords = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'description'>;

/** Tells the reporter which adapter the running test uses; it prints each once. */
export function noteAdapter(info: AdapterWords): void {
  const words = [info.vendor, info.architecture, info.description]; // browsers leave the last one empty
  const description = words.filter(Boolean).join(' ');
  test.info().annotations.push({ type: 'adapter', description });
}

const emptyPage = 'http://localhost/';

/**
 * Opens an empty page on http://localhost, where WebGPU is exposed, and checks that it has an adapter.
 *
 * @throws Error with advice when the browser offers no adapter
 */
export async function openGpuPage(page: Page): Promise<void> {
  await page.route(emptyPage, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>webgpu-vae</title>' }),
  );
  await page.goto(emptyPage);
  await requireAdapter(page);
}

/**
 * Checks that the page has an adapter and notes it for the reporter.
 *
 * @throws Error with advice when navigator.gpu is missing or the browser offers no adapter
 */
export async function requireAdapter(page: Page): Promise<void> {
  const info = await page.evaluate(async () => {
    // Types say that gpu is always there; it is missing outside a secure context and in old browsers.
    const gpu = navigator.gpu as GPU | undefined;
    const adapter = await gpu?.requestAdapter();
    if (!adapter) return undefined;
    const { vendor, architecture, description } = adapter.info;
    return { vendor, architecture, description };
  });
  if (info) return noteAdapter(info);
  throw new Error(
    `[browser] ${executablePath ?? "Playwright's Chromium"} offers no WebGPU adapter; the tests need one; install a ` +
      'newer Chrome or Chromium (its folder must hold libvk_swiftshader.so), or name one in WEBGPU_VAE_CHROMIUM',
  );
}
