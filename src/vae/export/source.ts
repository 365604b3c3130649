/** What is exported: a model, or the bytes of its file, as a plain VAE of the bound. */
import type { ModelValues } from '../checkpoint/model-file.js';
import { readModelSpec, readModelValues, writeModelFile } from '../checkpoint/model-file.js';
import { Model } from '../model.js';
import type { CompleteSpec } from '../spec.js';

/** A Vae, or what its `save()` gave. */
export type ExportSource = Uint8Array | Savable;

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
  /** A file of ours with the model's weights and no discriminator's. */
  readonly file: Uint8Array;
}

/** @throws CheckpointError for bytes that are no model of ours */
export async function exportedModel(source: ExportSource): Promise<ExportedModel> {
  const bytes = source instanceof Uint8Array ? source : await source.save();
  const spec = await readModelSpec(bytes);
  const trained = new Model(spec);
  const values = await readModelValues(trained, bytes);
  const { objective } = spec;
  if (objective.type === 'elbo') return { model: trained, values, objective, file: bytes };
  return { ...(await withoutObjective(trained, values)), objective };
}

/** An objective's own weights come last, so those of the bound keep their places. */
async function withoutObjective(
  trained: Model,
  values: ModelValues,
): Promise<Pick<ExportedModel, 'model' | 'values' | 'file'>> {
  const model = new Model({ ...trained.spec, objective: { type: 'elbo' } });
  const kept = {
    weights: values.weights.slice(0, model.weights.set.length),
    state: values.state.slice(0, model.weights.state.length),
  };
  return { model, values: kept, file: await writeModelFile(model, kept) };
}
