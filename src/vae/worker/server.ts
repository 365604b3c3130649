/** The worker's half: one device, the models that the page asks for, and the answers to its calls. */
import { Device } from '../../gpu/device.js';
import { DeviceError, SpecError } from '../../gpu/errors.js';
import { ModelCanvas } from '../interop/model-canvas.js';
import type { TrainOptions } from '../train.js';
import type { Trainer } from '../trainer.js';
import { Vae } from '../vae.js';
import {
  buffersOf,
  errorFacts,
  type Drawing,
  type FromWorker,
  type ModelFacts,
  type ToWorker,
  type TrainerFacts,
  type TrainerState,
  type TrainEvent,
  type WorkerCalls,
} from './protocol.js';

/** What of a worker's global scope is used. */
export interface WorkerScope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}

interface HeldModel {
  readonly vae: Vae;
  /** Its canvases and trainers, which go with it. */
  readonly parts: Set<number>;
  /** Resolves when its trainings may go on. */
  gate?: Gate;
}

/** A call that runs. */
interface Task {
  readonly abort: AbortController;
  /** Tells the page, without waiting. */
  tell(event: TrainEvent, values: readonly unknown[]): void;
  /** Resolves when the page has dealt with what it was told. */
  readonly acknowledged: () => Promise<void>;
  acknowledge?: () => void;
}

type Handlers = {
  readonly [C in keyof WorkerCalls]: (
    takes: WorkerCalls[C]['takes'],
    task: Task,
  ) => Promise<WorkerCalls[C]['gives']>;
};

/** Answers the page's calls for as long as the worker lives. */
export function serve(scope: WorkerScope): void {
  const tasks = new Map<number, Task>();
  const handlers = new Server((lost) => scope.postMessage({ lost }, [])).handlers;
  const answer = async (id: number, call: keyof WorkerCalls, takes: unknown): Promise<void> => {
    const task = newTask((event, values) => scope.postMessage({ id, event, values }, []));
    tasks.set(id, task);
    try {
      const gives = await (handlers[call] as (takes: unknown, task: Task) => Promise<unknown>)(takes, task);
      scope.postMessage({ id, gives }, buffersOf(gives));
    } catch (error) {
      scope.postMessage({ id, error: errorFacts(error) }, []);
    } finally {
      tasks.delete(id);
    }
  };
  scope.addEventListener('message', ({ data }) => {
    if ('abort' in data) tasks.get(data.abort)?.abort.abort();
    else if ('acknowledge' in data) tasks.get(data.acknowledge)?.acknowledge?.();
    else if ('call' in data) void answer(data.id, data.call, data.takes);
  });
}

function newTask(tell: Task['tell']): Task {
  const task: Task = {
    abort: new AbortController(),
    tell,
    acknowledged: () => new Promise((resolve) => (task.acknowledge = resolve)),
  };
  return task;
}

class Server {
  readonly #models = new Map<number, HeldModel>();
  readonly #canvases = new Map<number, ModelCanvas>();
  readonly #trainers = new Map<number, Trainer>();
  #device: Device | undefined;
  #lastId = 0;

  constructor(readonly onLost: (reason: string) => void) {}

  readonly handlers: Handlers = {
    open: async (options) => {
      const device = (this.#device ??= await Device.open(options));
      void device.lost.then(this.onLost);
      return device.description;
    },
    create: async ({ spec, seed }) => this.#keep(await Vae.create(spec, { device: this.#opened(), seed })),
    load: async ({ bytes }) => this.#keep(await Vae.load(bytes, { device: this.#opened() })),
    train: ({ model, data, options, events }, task) => {
      const held = this.#model(model);
      return held.vae.train(data, { ...options, ...callbacks(events, task), ...control(held, task) });
    },
    trainer: async ({ model, data, options, events }, task) => {
      const held = this.#model(model);
      const trainer = await held.vae.trainer(data, { ...options, ...callbacks(events, task) });
      return this.#keepTrainer(held, trainer);
    },
    advance: async ({ trainer: id, method, args }) => {
      const trainer = this.#trainers.get(id);
      if (!trainer) throw new SpecError('trainer', 'it was destroyed; make another with vae.trainer()');
      const value = await (trainer[method] as (...values: readonly unknown[]) => Promise<never>).apply(
        trainer,
        args as unknown[],
      );
      return { value, now: stateOf(trainer) };
    },
    hold: async ({ model, isHeld }) => {
      const held = this.#model(model);
      held.gate?.open();
      delete held.gate;
      if (isHeld) held.gate = new Gate();
    },
    run: ({ model, method, args }) => {
      const { vae } = this.#model(model);
      return (vae[method] as (...values: readonly unknown[]) => Promise<never>).apply(vae, args as unknown[]);
    },
    canvas: async ({ model, canvas, options }) => {
      const held = this.#model(model);
      const id = ++this.#lastId;
      this.#canvases.set(id, await ModelCanvas.create(held.vae, canvas, options));
      held.parts.add(id);
      return id;
    },
    draw: async ({ canvas, ...drawing }) => {
      const drawn = this.#canvases.get(canvas);
      if (!drawn) throw new DeviceError('canvas', 'it was destroyed; show the model on another');
      await draw(drawn, drawing);
    },
    close: async ({ part }) => this.#close(part),
    destroy: async ({ model }) => {
      const held = this.#model(model);
      held.gate?.open();
      for (const part of held.parts) this.#close(part);
      held.vae.destroy();
      this.#models.delete(model);
    },
  };

  #opened(): Device {
    if (!this.#device) throw new DeviceError('worker', 'it has no device; call open first');
    return this.#device;
  }

  #keep(vae: Vae): ModelFacts {
    const model = ++this.#lastId;
    this.#models.set(model, { vae, parts: new Set() });
    return { model, spec: vae.spec, parameterCount: vae.parameterCount };
  }

  #model(id: number): HeldModel {
    const held = this.#models.get(id);
    if (!held) throw new DeviceError('worker', 'the model was destroyed; create or load another');
    return held;
  }

  #keepTrainer(held: HeldModel, trainer: Trainer): TrainerFacts {
    const id = ++this.#lastId;
    this.#trainers.set(id, trainer);
    held.parts.add(id);
    const { batchSize, stepsPerEpoch } = trainer;
    return { trainer: id, batchSize, stepsPerEpoch, now: stateOf(trainer) };
  }

  #close(id: number): void {
    for (const parts of [this.#canvases, this.#trainers]) {
      parts.get(id)?.destroy();
      parts.delete(id);
    }
  }
}

function stateOf({ stepCount, dispatchesPerStep }: Trainer): TrainerState {
  return { stepCount, dispatchesPerStep };
}

/** Closed until `open` is called. */
class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** Training's callbacks that the page listens to. */
function callbacks(events: readonly TrainEvent[], task: Task): Partial<TrainOptions> {
  const all: Required<Pick<TrainOptions, TrainEvent>> = {
    onCompile: (done, total) => task.tell('onCompile', [done, total]),
    onStep: (progress) => task.tell('onStep', [progress]),
    onWarning: (message) => task.tell('onWarning', [message]),
    onEpoch: (report) => {
      task.tell('onEpoch', [report]);
      return task.acknowledged();
    },
  };
  return Object.fromEntries(events.map((name) => [name, all[name]]));
}

/** Lets the page stop a training, and hold it between two steps; what is stopped does not wait. */
function control(held: HeldModel, { abort }: Task): Pick<TrainOptions, 'signal' | 'beforeStep'> {
  const { signal } = abort;
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  return { signal, beforeStep: () => held.gate && Promise.race([held.gate.opened, stopped]) };
}

async function draw(canvas: ModelCanvas, drawing: Drawing): Promise<void> {
  if ('decode' in drawing) return canvas.decode(drawing.decode);
  if ('sample' in drawing) return canvas.sample(drawing.sample);
  const { reconstruct: pictures } = drawing;
  try {
    await canvas.reconstruct(...pictures);
  } finally {
    for (const picture of pictures) if ('close' in picture) picture.close(); // they are the worker's own copies
  }
}
