/** What is exported: a model, or the bytes of its file, as a plain VAE of the bound. */
import type { ModelValues } from '../checkpoint/model-file.js';
import { modelValues, openModelFile, type ModelFile } from '../checkpoint/model-file.js';
import { Model } from '../model.js';
import type { CompleteSpec } from '../spec.js';
import { checkOwnLayers } from './network.js';

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

/**
 * An objective stays behind with what it alone has weights for, whosever it is.
 * @throws CheckpointError for bytes that are no model of ours; SpecError for a layer of its author's own
 */
export async function exportedModel(source: ExportSource): Promise<ExportedModel> {
  const { spec, tensors } = await openModelFile('save' in source ? await source.save() : source);
  checkOwnLayers(spec.encoder, 'spec.encoder');
  checkOwnLayers(spec.decoder, 'spec.decoder');
  const { objective } = spec;
  const model = new Model({ ...spec, objective: { type: 'elbo' } });
  const kept = objective.type === 'elbo' ? tensors : ofModel(model, tensors);
  return { model, values: modelValues(model, kept), objective };
}

function ofModel({ weights }: Model, tensors: ModelFile['tensors']): ModelFile['tensors'] {
  const all = [...weights.fileTensors(), ...weights.stateTensors()];
  const names = new Set(all.map(({ layout }) => layout.name));
  return new Map([...tensors].filter(([name]) => names.has(name)));
}
