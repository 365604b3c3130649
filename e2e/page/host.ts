/**
 * The page's half of the kernel tests: runs a case by name on the library as it is built (`webgpu-vae/gpu` is
 * mapped to dist/gpu.js by the page) and answers with plain data.
 */
import { Device } from 'webgpu-vae/gpu';
import { kernelCases } from '../cases/index.js';
import { obstacle, runCase, type CaseReport } from '../runner.js';

/** What the test calls through `page.evaluate`. */
export interface KernelHost {
  /** The report of a case, or why it cannot run on this device. */
  run(name: string): Promise<CaseReport | string>;
}

declare global {
  var kernelHost: KernelHost | undefined;
}

let device: Promise<Device> | undefined;

globalThis.kernelHost = {
  async run(name) {
    const kernelCase = kernelCases.find((candidate) => candidate.name === name);
    if (!kernelCase) throw new Error(`[page] there is no case '${name}'; the page and the test differ`);
    device ??= Device.open();
    const opened = await device;
    return obstacle(kernelCase, opened) ?? runCase(opened, kernelCase);
  },
};
