/** The GPU, and how it comes back after it was lost: a browser gives another one at once, a moment later, or not for minutes. */
import { Device, DeviceError, ShaderError, VaeError } from 'webgpu-vae';

const BACKOFF_MS = [0, 1000, 5000];
/** A call fails up to this much before the browser says that the GPU is gone (0.6 s were measured). */
const PATIENCE_MS = 1000;
/** As many losses within this time are no accident: the work itself may be what the GPU does not survive. */
const MOST_LOSSES = 3;
const WINDOW_MS = 120_000;

export class Rescue {
  #device: Device | undefined;
  #losses: number[] = [];

  /** @param onLost called for each device that is lost */
  constructor(readonly onLost: () => void) {}

  /** @throws DeviceError before there is one */
  get device(): Device {
    if (this.#device) return this.#device;
    throw new DeviceError('studio', 'no GPU is open; reload the page');
  }

  /** @throws DeviceError with advice when there is none */
  async open(): Promise<Device> {
    const device = await Device.open();
    this.#device = device;
    void device.lost.then(() => this.onLost());
    return device;
  }

  /** Whether `failure` came about because the GPU is gone. */
  isLost(failure: unknown): Promise<boolean> {
    if (!this.#device) return Promise.resolve(false);
    const isOfTheGpu =
      !(failure instanceof VaeError) || failure instanceof DeviceError || failure instanceof ShaderError;
    return Promise.race([
      this.#device.lost.then(() => true),
      sleep(isOfTheGpu ? PATIENCE_MS : 0).then(() => false),
    ]);
  }

  /** Another device in place of one that was lost. @throws DeviceError when the browser gives none, or too many were lost */
  async reopen(): Promise<Device> {
    const now = performance.now();
    this.#losses = [...this.#losses.filter((time) => now - time < WINDOW_MS), now];
    this.#device?.destroy();
    if (this.#losses.length >= MOST_LOSSES)
      throw new DeviceError('studio', `the GPU was lost ${this.#losses.length} times in two minutes`);
    let refusal: unknown;
    for (const waitMs of BACKOFF_MS) {
      await sleep(waitMs);
      try {
        return await this.open();
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  }
}

function sleep(timeMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, timeMs));
}
