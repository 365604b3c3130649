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

/**
 * The same for tests that draw on a canvas or read video frames: these share images between WebGPU and the compositor,
 * and without a GPU Chromium can only do that when both are on SwiftShader's Vulkan (otherwise its GPU process loses them).
 */
export const canvasLaunch: LaunchOptions = {
  ...chromiumLaunch,
  args: [
    ...chromiumLaunch.args!,
    ...(isSoftwareAsked
      ? [
          '--enable-features=Vulkan',
          '--use-vulkan=swiftshader',
          '--use-angle=swiftshader',
          '--enable-unsafe-swiftshader',
          '--ignore-gpu-blocklist',
          '--disable-vulkan-fallback-to-gl-for-testing',
        ]
      : []),
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

declare global {
  /** Calls of GPUBuffer.mapAsync on a page that counts them. */
  var mapCount: number;
}

/** Lets every page that `page` opens from now on count its calls of mapAsync, without which nothing can be read back. */
export async function countMaps(page: Page): Promise<void> {
  await page.addInitScript(() => {
    globalThis.mapCount = 0;
    if (typeof GPUBuffer === 'undefined') return;
    const original = Object.getOwnPropertyDescriptor(GPUBuffer.prototype, 'mapAsync')!;
    const value = function (this: GPUBuffer, ...args: unknown[]): unknown {
      globalThis.mapCount++;
      return Reflect.apply(original.value as () => unknown, this, args);
    };
    Object.defineProperty(GPUBuffer.prototype, 'mapAsync', { ...original, value });
  });
}
