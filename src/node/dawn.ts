/**
 * WebGPU in Node, through Dawn (npm `webgpu`). Three traps are handled here and nowhere else: Dawn aborts
 * the process when the object from create() is garbage-collected; a machine without a Vulkan driver has
 * no adapter, although the SwiftShader inside any Chromium would do; and the Vulkan loader reads its
 * environment once, when an instance first looks for adapters.
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { DeviceError } from '../gpu/errors.js';
import { findSwiftShader } from './chromium.mjs';

type Dawn = typeof import('webgpu');

/** What openNodeGpu takes. */
export interface NodeGpuOptions {
  /**
   * `'auto'` (a driver of the machine, else SwiftShader), `'swiftshader'`, or a part of an adapter's name,
   * vendor or description in any case, e.g. `'nvidia'`. Default: $WEBGPU_VAE_ADAPTER, else `'auto'`.
   */
  readonly adapter?: string | undefined;
  /** Receives one line when a software adapter stands in; by default it goes to stderr. */
  readonly notify?: (line: string) => void;
}

const where = 'openNodeGpu';
const loaderName = 'libvulkan.so.1';

/** glibc's RTLD_NODELETE, which Node does not export: the library stays after a failed process.dlopen. */
const keepLoaded = 0x1000;

/** Every instance ever created: Dawn aborts the process when one is collected. */
const instances: GPU[] = [];
const opened = new Map<string, Promise<GPU>>();

/**
 * Opens a GPU whose requestAdapter() gives the asked adapter, and puts Dawn's globals (GPUBufferUsage,
 * GPUMapMode and the others) on globalThis where they are absent. Asking twice gives the same object.
 *
 * @throws DeviceError if npm `webgpu` cannot be loaded, there is no adapter, or none has that name
 */
export async function openNodeGpu(options: NodeGpuOptions = {}): Promise<GPU> {
  const adapter = (options.adapter ?? process.env['WEBGPU_VAE_ADAPTER'] ?? '').toLowerCase() || 'auto';
  let gpu = opened.get(adapter);
  if (gpu === undefined) {
    gpu = open(adapter, options.notify ?? writeToStderr);
    opened.set(adapter, gpu);
    gpu.catch(() => opened.delete(adapter)); // the caller hears of it; a later call may try again
  }
  return gpu;
}

async function open(adapter: string, notify: (line: string) => void): Promise<GPU> {
  const dawn = await loadDawn();
  if (adapter === 'auto') return openAny(dawn, notify);
  if (adapter !== 'swiftshader') return openNamed(dawn, adapter);
  return (await openSwiftShader(dawn)) ?? openNamed(dawn, adapter);
}

async function openAny(dawn: Dawn, notify: (line: string) => void): Promise<GPU> {
  const gpu = hasLoader() ? await openWith(dawn, []) : undefined;
  if (gpu) return gpu;
  const software = await openSwiftShader(dawn);
  if (!software) throw new DeviceError(where, noAdapter());
  notify(`webgpu-vae: no GPU driver found; running on SwiftShader, a slow software adapter`);
  return software;
}

async function openSwiftShader(dawn: Dawn): Promise<GPU | undefined> {
  const found = findSwiftShader();
  if (!found) return undefined;
  if (!hasLoader()) loadLibrary(found.loader);
  // Both names: the newer wins where the loader knows it and the user has set it.
  const drivers = { VK_ICD_FILENAMES: found.driver, VK_DRIVER_FILES: found.driver };
  const gpu = await withEnvironment(drivers, () => openWith(dawn, []));
  if (gpu) return gpu;
  throw new DeviceError(
    where,
    `SwiftShader in ${found.folder} gave no adapter; expected one; in a worker thread, or if this persists, ` +
      `start Node with LD_LIBRARY_PATH=${found.folder} VK_ICD_FILENAMES=${found.driver}`,
  );
}

/** Finds an adapter by a lower-case part of what it calls itself. */
async function openNamed(dawn: Dawn, part: string): Promise<GPU> {
  const seen: string[] = [];
  for (const name of hasLoader() ? await adapterNames(dawn) : []) {
    const gpu = await openWith(dawn, [`adapter=${name}`]);
    const info = (await gpu?.requestAdapter())?.info;
    if (!gpu || !info) continue;
    const words = [name, info.vendor, info.architecture, info.device, info.description];
    if (words.some((word) => word.toLowerCase().includes(part))) return gpu;
    seen.push(`${name} (${info.vendor || 'vendor unknown'})`);
  }
  if (findSwiftShader()) seen.push('swiftshader');
  if (seen.length === 0) throw new DeviceError(where, noAdapter());
  throw new DeviceError(
    where,
    `adapter '${part}' came; this machine has ${seen.join(', ')}; pass a part of one of these names, or 'auto'`,
  );
}

/** Dawn lists its adapters only in the message that refuses an unknown name. */
async function adapterNames(dawn: Dawn): Promise<string[]> {
  try {
    await openWith(dawn, ['adapter=?']);
    return [];
  } catch (error) {
    const names = String(error).matchAll(/name: '([^\n]*)'/g);
    return [...new Set(Array.from(names, ([, name]) => name ?? ''))];
  }
}

async function openWith(dawn: Dawn, flags: string[]): Promise<GPU | undefined> {
  const gpu = dawn.create(flags);
  instances.push(gpu);
  return (await gpu.requestAdapter()) ? gpu : undefined;
}

async function loadDawn(): Promise<Dawn> {
  let dawn: Dawn;
  try {
    dawn = await import('webgpu');
  } catch (cause) {
    throw new DeviceError(
      where,
      `npm package webgpu (Dawn) did not load: ${cause instanceof Error ? cause.message : String(cause)}; ` +
        `expected it with a binary for ${process.platform}-${process.arch}; run npm install webgpu`,
      { cause },
    );
  }
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (!(name in globalThis))
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return dawn;
}

/** Whether Dawn can load Vulkan; asking Dawn itself would print a warning where it cannot. */
function hasLoader(): boolean {
  return process.platform !== 'linux' || loadLibrary(loaderName);
}

/** Loads a shared library that is no Node module, so that Dawn finds it by its soname. */
function loadLibrary(path: string): boolean {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY | keepLoaded);
  } catch {
    // Thrown either way: the library is missing, or it is loaded and not a Node module. The map tells.
  }
  return readFileSync('/proc/self/maps', 'latin1').includes('/libvulkan.so');
}

async function withEnvironment<T>(variables: Record<string, string>, run: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    // A browser started from this process must not inherit the choice.
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

function noAdapter(): string {
  if (process.platform !== 'linux') {
    return 'Dawn found no GPU adapter; expected one of the system; update the graphics driver';
  }
  return (
    'no GPU adapter: there is no Vulkan driver, and no Chromium whose folder holds SwiftShader; expected one of ' +
    "them; install your GPU's Vulkan driver, or Chromium (Debian: apt-get install chromium; elsewhere: " +
    'npx playwright install chromium)'
  );
}

function writeToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
