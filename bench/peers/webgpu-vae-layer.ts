/** One convolution through a plan of its own. */
import {
  conv2d,
  convInputGradient,
  convWeightGradient,
  Executable,
  input,
  makePlan,
  Scheduler,
  type Device,
  type Tensor as Symbol,
} from 'webgpu-vae/gpu';
import { channelsFirst, channelsLast, kernelFirst, type ConvLayerTask } from '../conv-task.js';
import type { Work } from '../peer.js';
import { permute } from '../tensor.js';
import { LAYER } from '../workloads.js';
import { halving } from './webgpu-vae-model.js';

/** A convolution, or both of its gradients. */
export async function createConvLayer(device: Device, task: ConvLayerTask): Promise<Work> {
  const [x, weight, cotangent] = [
    channelsLast(task.x),
    kernelFirst(task.weight),
    channelsLast(task.cotangent),
  ];
  const [xTensor, weightTensor, g] = [
    input('x', x.shape),
    input('weight', weight.shape),
    input('cotangent', cotangent.shape),
  ];
  const geometry = halving(LAYER.size);
  const outputs: Record<string, Symbol> =
    task.kind === 'conv-forward'
      ? { y: conv2d(xTensor, weightTensor, { stride: 2, padding: 1 }) }
      : {
          xGradient: convInputGradient(g, weightTensor, geometry),
          weightGradient: convWeightGradient(xTensor, g, geometry),
        };
  const executable = await Executable.create(
    device,
    makePlan({ label: 'bench', outputs }, device.adapterClass),
  );
  for (const [name, { values }] of Object.entries({ x, weight, cotangent })) {
    if (executable.plan.inputs.has(name)) executable.write(name, values);
  }
  const scheduler = new Scheduler(device);
  return {
    async step(_i, sync) {
      await scheduler.run(executable, {});
      if (sync) await scheduler.idle();
      return undefined;
    },
    async result() {
      const read = Object.entries(outputs).map(([name, { shape }]) => readOutput(executable, name, shape));
      return Promise.all(read);
    },
  };
}

/** An output in the task's layout. */
async function readOutput(
  executable: Executable,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const values = Float32Array.from(await executable.read(name));
  const tensor = { shape, values };
  return (name === 'weightGradient' ? permute(tensor, [3, 2, 0, 1]) : channelsFirst(tensor)).values;
}
