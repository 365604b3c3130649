/** A model as a folder for PyTorch: weights, a readable module, a training script, and how to use them. */
import { encode } from '../checkpoint/concatenate.js';
import { writeModelFile } from '../checkpoint/model-file.js';
import { exportedModel, type ExportedFiles, type ExportedModel, type ExportSource } from './source.js';
import { modelPython } from './torch/model.js';
import { trainPython } from './torch/train.js';

/**
 * The files of the folder by name: model.safetensors (what `save()` gives, without a discriminator), model.py (an nn.Module
 * whose state_dict matches strictly; `elbo(x, noise)` gives reconstruction and KL, f32[B] nats per datum each),
 * train_ddp.py (continues the training under torchrun, or in one process) and README.txt. For PyTorch 1.13 and later.
 *
 * @throws CheckpointError for bytes that are no model; SpecError for a part that has no Python, naming it
 * @example
 * for (const [name, bytes] of await exportTorch(vae)) await writeFile(join('folder', name), bytes);
 */
export async function exportTorch(source: ExportSource): Promise<ExportedFiles> {
  const exported = await exportedModel(source);
  const { model, values } = exported;
  return new Map([
    ['model.safetensors', await writeModelFile(model, values)],
    ['model.py', encode(modelPython(model))],
    ['train_ddp.py', encode(trainPython(model.spec.condition !== undefined, objectiveName(exported)))],
    ['README.txt', encode(readme(exported))],
  ]);
}

/** What a reader has to know about an objective that stays behind. */
export function objectiveNote(exported: ExportedModel): string {
  const name = objectiveName(exported);
  return name === undefined
    ? ''
    : `\nThe model was trained with the objective ${name}. What is here is the model and its bound; the objective, and a
discriminator that it had, are not.\n`;
}

/** Undefined for the bound, which is what is exported. */
function objectiveName({ objective }: ExportedModel): string | undefined {
  if (objective.type === 'elbo') return undefined;
  return objective.type === 'own' ? `'${objective.name}' of its author` : objective.type;
}

function readme(exported: ExportedModel): string {
  const labels = exported.model.spec.condition ? ' --labels labels.npy' : '';
  const isBound = objectiveName(exported) === undefined;
  return `A variational autoencoder of webgpu-vae, for PyTorch 1.13 and later.

  python -c "from model import load; print(load())"
  python train_ddp.py --data images.npy${labels}
  torchrun --nproc_per_node 8 train_ddp.py --data images.npy${labels}

model.safetensors  weights under PyTorch's names, the specification in the metadata
model.py           the model as an nn.Module: encode, draw, decode, elbo, sample, load
train_ddp.py       ${isBound ? 'continues the training' : 'goes on with the bound alone'}; what it writes loads in webgpu-vae and in model.py
${objectiveNote(exported)}`;
}
