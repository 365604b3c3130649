/**
 * Peers in Chromium: the page is bundled once, served from localhost (WebGPU wants a secure context) and
 * opened in a browser process of its own for each peer and workload. So each has its own GPU process, no
 * page is in the background, and no pipeline cache is warm.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright';
import { build, preview, type InlineConfig, type PreviewServer } from 'vite';
import { DeviceError } from '../src/gpu/errors.js';
import { findChromium } from '../src/node/chromium.mjs';
import { withinTime, type Contestant, type Evidence, type Opened, type Sample } from './contestant.js';
import type { WorkloadName } from './workloads.js';

export type AdapterChoice = 'default' | 'swiftshader';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const ADAPTER_FLAGS: Record<AdapterChoice, string> = {
  // On Linux a GPU is reached through Vulkan; without a GPU Chromium falls back to SwiftShader by itself.
  default: '--enable-features=Vulkan',
  swiftshader: '--use-webgpu-adapter=swiftshader',
};
/** Cross-origin isolation makes the page's clock tick in 5 us instead of 100 us. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Where the page's imports of the library lead: to what is published, or to the sources before a build. */
function libraryAliases(): { find: RegExp; replacement: string }[] {
  const isBuilt = existsSync(join(ROOT, 'dist/index.js'));
  const entry = (built: string, source: string): string => join(ROOT, isBuilt ? built : source);
  return [
    { find: /^webgpu-vae$/, replacement: entry('dist/index.js', 'src/index.ts') },
    { find: /^webgpu-vae\/gpu$/, replacement: entry('dist/gpu.js', 'src/gpu/index.ts') },
  ];
}

function pageConfig(): InlineConfig {
  return {
    configFile: false,
    root: join(ROOT, 'bench/page'),
    logLevel: 'error',
    resolve: { alias: libraryAliases() },
    build: {
      outDir: join(ROOT, 'out/bench-page'),
      emptyOutDir: true,
      target: 'esnext',
      chunkSizeWarningLimit: 4096,
      modulePreload: false,
    },
    preview: { port: 0, headers: ISOLATION },
  };
}

/** The bundled page on a local port. */
export class BenchServer {
  readonly #server: PreviewServer;
  readonly url: string;

  private constructor(server: PreviewServer, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Bundles and serves; throws where the bundle does not build. */
  static async start(): Promise<BenchServer> {
    await build(pageConfig());
    const server = await preview(pageConfig());
    const address = server.httpServer.address();
    if (address === null || typeof address === 'string') {
      throw new DeviceError('bench', 'the page got no port; a free local port is needed; try again');
    }
    return new BenchServer(server, `http://localhost:${address.port}/`);
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** One peer in one browser. */
export class BrowserContestant implements Contestant {
  readonly #peer: string;
  readonly #url: string;
  readonly #adapter: AdapterChoice;
  #browser: Browser | undefined;
  #page: Page | undefined;
  #complaint = '';

  constructor(peer: string, url: string, adapter: AdapterChoice) {
    this.#peer = peer;
    this.#url = url;
    this.#adapter = adapter;
  }

  async open(workload: WorkloadName): Promise<Opened> {
    const executablePath = findChromium();
    this.#browser = await chromium.launch({
      ...(executablePath === undefined ? { channel: 'chromium' } : { executablePath }),
      args: [...FLAGS, ADAPTER_FLAGS[this.#adapter]],
    });
    this.#page = await this.#browser.newPage();
    this.#page.on('pageerror', (error) => (this.#complaint ||= error.message));
    await this.#page.goto(this.#url);
    await this.#page.waitForFunction(() => 'bench' in window);
    const names: [string, WorkloadName] = [this.#peer, workload];
    return this.#call('first step', (page) => page.evaluate((given) => window.bench.open(...given), names));
  }

  /** Browser name and version, once open. */
  get version(): string {
    return `Chromium ${this.#browser?.version() ?? 'not started'}`;
  }

  sample(count: number): Promise<Sample> {
    return this.#call('sample', (page) => page.evaluate((given) => window.bench.sample(given), count));
  }

  burst(count: number): Promise<number> {
    return this.#call('burst', (page) => page.evaluate((given) => window.bench.burst(given), count));
  }

  evidence(): Promise<Evidence> {
    return this.#call('check', (page) => page.evaluate(() => window.bench.evidence()));
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }

  async #call<T>(what: string, evaluate: (page: Page) => Promise<T>): Promise<T> {
    if (!this.#page) throw new DeviceError('bench', `${this.#peer} is not open; open() comes first`);
    try {
      return await withinTime(`${this.#peer}: ${what}`, evaluate(this.#page));
    } catch (error) {
      const reason = String(error instanceof Error ? error.message : error)
        .split('\n', 1)
        .join()
        .replace(/^page\.evaluate: (\w+: )?/, '');
      throw new Error([reason, this.#complaint].filter((part) => part !== '').join('; '), { cause: error });
    }
  }
}
