/**
 * The Dawn device of the `node` project. A worker opens one and keeps it, because compiling pipelines is what
 * tests on a software adapter spend their time on; a test that destroys a device takes one of its own.
 */
import { Device } from '../src/gpu/device.js';
import { openNodeGpu } from '../src/node/dawn.js';
import { noteAdapter } from './browser.js';

let shared: Promise<Device> | undefined;

/** The worker's device, opened by the first test that asks. @throws DeviceError when there is no adapter */
export async function nodeDevice(): Promise<Device> {
  shared ??= freshDevice();
  return noted(await shared);
}

/** A device of the test's own, which the test destroys. @throws DeviceError when there is no adapter */
export async function freshDevice(): Promise<Device> {
  return noted(await Device.open({ gpu: await nodeGpu() }));
}

/** Dawn's counterpart of `navigator.gpu`; silent about a software adapter, which the reporter names anyhow. */
export function nodeGpu(): Promise<GPU> {
  return openNodeGpu({ notify: () => undefined });
}

function noted(device: Device): Device {
  noteAdapter(device.gpu.adapterInfo);
  return device;
}
