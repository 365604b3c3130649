/** What is exported: a model, or the bytes of its file, as a plain VAE of the bound. */
import type { ModelValues } from '../checkpoint/model-file.js';
import { modelValues, openModelFile, type ModelFile } from '../checkpoint/model-file.js';
import { Model } from '../model.js';
import type { CompleteSpec } from '../spec.js';

/** A Vae, what its `save()` gave, or what `readModelFile` made of that. */
export type ExportSource = Uint8Array | ModelFile | Savable;

/** A model that can be saved, such as a Vae. */
export interface Savable {
  /** The bytes of its file. */
  save(): Promise<Uint8Array>;
}

/** Files by path. */
export type ExportedFiles = ReadonlyMap<string, Uint8Array>;

export interface ExportedModel {
  readonly model: Model;
  readonly values: ModelValues;
  /** The objective that the model was trained with; exports know the bound only. */
  readonly objective: CompleteSpec['objective'];
}

/** @throws CheckpointError for bytes that are no model of ours */
export async function exportedModel(source: ExportSource): Promise<ExportedModel> {
  const file = await openModelFile('save' in source ? await source.save() : source);
  const { objective } = file.spec;
  const trained = new Model(file.spec);
  const values = modelValues(trained, file.tensors);
  if (objective.type === 'elbo') return { model: trained, values, objective };
  return { ...withoutObjective(trained, values), objective };
}

/** An objective's own weights come last, so those of the bound keep their places. */
function withoutObjective(
  trained: Model,
  { weights, state }: ModelValues,
): Pick<ExportedModel, 'model' | 'values'> {
  const model = new Model({ ...trained.spec, objective: { type: 'elbo' } });
  const { set, state: ofState } = model.weights;
  return { model, values: { weights: weights.slice(0, set.length), state: state.slice(0, ofState.length) } };
}
