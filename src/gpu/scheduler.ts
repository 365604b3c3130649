/**
 * Runs executables: one compute pass and one submit a step (cut into several where a page must keep
 * breathing), at most two steps in flight. Nothing here waits for a value inside the step loop.
 *
 * Dawn in Node finds out by polling, on the main thread, whether work is done. On a software adapter that
 * takes a core from the work itself (a 115 ms step becomes 160 ms on 2 cores), so there a slow step is slept
 * through before the question is asked.
 */
import type { Device } from './device.js';
import { isSoftware } from './dispatch.js';
import type { Executable, StepValues } from './executable.js';
import { timePasses } from './timestamps.js';

/** How much may be submitted at a time. */
export interface SchedulerOptions {
  /** Dispatches a submit may hold. In a page the compositor shares the queue; elsewhere a step is one submit. */
  readonly maxDispatchesPerSubmit?: number;
  /** Steps submitted and not yet done; more only adds latency (measured 2x slower at 10 by others). */
  readonly stepsInFlight?: number;
}

/** Time of one dispatch, from timestamp queries. */
export interface DispatchTime {
  readonly label: string;
  readonly timeMs: number;
}

const PAGE_DISPATCHES_PER_SUBMIT = 32;

/** Steps shorter than this are not slept through: timers are too coarse. */
const SLEEP_THRESHOLD_MS = 8;
/** Share of the expected time that is slept; the rest is waited for. */
const SLEEP_SHARE = 0.9;

const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Runs executables of one device, and bounds the work in flight. */
export class Scheduler {
  readonly #device: Device;
  readonly #maxDispatches: number;
  readonly #maxInFlight: number;
  /** Resolve as submitted work is done, oldest first. */
  #inFlight: Promise<void>[] = [];
  /** When work was submitted about which Dawn has not been asked yet. */
  #unaskedSince: number | undefined;
  /** Shortest time seen between a submit and its end; how long the next may be slept through. */
  #expectedMs = 0;
  /** Submits so far; for reports. */
  submitCount = 0;

  constructor(device: Device, options: SchedulerOptions = {}) {
    this.#device = device;
    const inPage = typeof document !== 'undefined';
    this.#maxDispatches = options.maxDispatchesPerSubmit ?? (inPage ? PAGE_DISPATCHES_PER_SUBMIT : Infinity);
    this.#maxInFlight = options.stepsInFlight ?? 2;
  }

  /**
   * Submits one run of `executable`, waiting first while too many are in flight. `after` may encode copies
   * behind the last dispatch. Resolves when submitted, not when done.
   */
  async run(
    executable: Executable,
    step: StepValues,
    after?: (encoder: GPUCommandEncoder) => void,
  ): Promise<void> {
    if (this.#unaskedSince !== undefined) await this.idle();
    while (this.#inFlight.length >= this.#maxInFlight) await this.#inFlight.shift();
    this.#device.check();
    executable.writeStep(step);
    const count = executable.dispatchCount;
    for (let first = 0; first < Math.max(1, count); first += this.#maxDispatches) {
      const last = Math.min(first + this.#maxDispatches, count);
      const encoder = this.#device.gpu.createCommandEncoder({ label: `vae/${executable.plan.label}` });
      const pass = encoder.beginComputePass({ label: `vae/${executable.plan.label}` });
      executable.encode(pass, first, last);
      pass.end();
      if (last === count) after?.(encoder);
      this.#device.gpu.queue.submit([encoder.finish()]);
      this.submitCount++;
    }
    if (inNode && isSoftware(this.#device.adapterClass)) this.#unaskedSince = performance.now();
    else this.#inFlight.push(this.#workDone());
  }

  /** Resolves when everything submitted here is done. @throws DeviceError when the device was lost */
  async idle(): Promise<void> {
    const since = this.#unaskedSince;
    if (since !== undefined) {
      this.#unaskedSince = undefined;
      const sleepMs = SLEEP_SHARE * this.#expectedMs - (performance.now() - since);
      if (this.#expectedMs > SLEEP_THRESHOLD_MS && sleepMs > 1)
        await new Promise((wake) => setTimeout(wake, sleepMs));
      await this.#workDone();
      const elapsed = performance.now() - since;
      // Follows a faster step at once and a slower one gradually.
      this.#expectedMs = Math.min(elapsed, this.#expectedMs * 1.1 + 1);
    }
    while (this.#inFlight.length > 0) await this.#inFlight.shift();
    this.#device.check();
  }

  /** A rejection (a lost device) surfaces in the check that follows every wait. */
  #workDone(): Promise<void> {
    return this.#device.gpu.queue.onSubmittedWorkDone().catch(() => undefined);
  }

  /**
   * One run with a pass and two timestamps per dispatch; `after` as in `run`.
   * @throws DeviceError when the device lacks the feature `timestamp-query`
   */
  async profile(
    executable: Executable,
    step: StepValues,
    after?: (encoder: GPUCommandEncoder) => void,
  ): Promise<DispatchTime[]> {
    executable.writeStep(step);
    const encode = (pass: GPUComputePassEncoder, index: number): void =>
      executable.encode(pass, index, index + 1);
    const times = await timePasses(this.#device, executable.dispatchCount, encode, after);
    return executable.plan.dispatches.map(({ label }, index) => ({ label, timeMs: times[index]! }));
  }
}
