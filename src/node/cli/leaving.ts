/** The commands export and import: models leave for PyTorch and ONNX, and come from PyTorch. None of them needs a GPU. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { list, record, show } from '../../gpu/check.js';
import { CheckpointError, SpecError } from '../../gpu/errors.js';
import type { ModelFile } from '../../vae/checkpoint/model-file.js';
import {
  exportOnnx,
  exportTorch,
  importTorch,
  type ExportedFiles,
  type ImportOptions,
  type OnnxGraphName,
} from '../../vae/export/index.js';
import { OutputFolder, reasonOf, writeWhole } from './artifacts.js';
import { naming, readModel } from './checkpoint.js';
import { readJson, readSpec } from './model-spec.js';
import { describeModel, say } from './session.js';

export const exportTargets = ['torch', 'onnx'] as const;

export interface ExportSettings {
  readonly to: (typeof exportTargets)[number];
  /** Of `onnx`, separated by commas; undefined: all three. */
  readonly graphs?: string;
  readonly out: string;
}

export interface ImportSettings {
  readonly spec: string;
  /** Path of ImportOptions as JSON. */
  readonly map?: string;
  readonly out: string;
}

/**
 * Writes a model as a folder for PyTorch, or as ONNX graphs in a Triton model repository.
 *
 * @param path of a checkpoint, or of a folder that holds model.safetensors
 * @throws CheckpointError, DataError, SpecError for a part that has no export yet
 */
export async function exportCommand(path: string, { to, graphs, out }: ExportSettings): Promise<number> {
  if (graphs !== undefined && to !== 'onnx')
    throw new SpecError('--graphs', `came with --to ${to}, which has none; remove it, or use --to onnx`);
  const file = await readModel(path);
  const files = await naming(file.path, () => exported(file, to, graphs?.split(',')));
  await OutputFolder.open(out, { replaces: false }); // proves that it takes files
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(out, name)), { recursive: true });
    await writeWhole(join(out, name), bytes);
  }
  process.stdout.write(`${[...files.keys()].map((name) => join(out, name)).join('\n')}\n`);
  return 0;
}

function exported(file: ModelFile, to: ExportSettings['to'], graphs?: string[]): Promise<ExportedFiles> {
  if (to === 'torch') return exportTorch(file);
  return exportOnnx(file, graphs ? { graphs: graphs as OnnxGraphName[] } : {});
}

/**
 * Writes the model file of a specification and PyTorch's weights.
 *
 * @param path of a safetensors file of a state_dict
 * @throws CheckpointError for tensors that do not fit, all of them listed; DataError, SpecError
 */
export async function importCommand(path: string, { spec, map, out }: ImportSettings): Promise<number> {
  const model = await readSpec(spec, '--spec');
  const options = map === undefined ? {} : await readMap(map);
  const bytes = await readWeights(path);
  const file = await naming(path, () => importTorch(bytes, model, options));
  await mkdir(dirname(out), { recursive: true });
  await writeWhole(out, file);
  say(describeModel(model));
  process.stdout.write(`${out}\n`);
  return 0;
}

/** A state_dict's file. @throws CheckpointError when there is none */
async function readWeights(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new CheckpointError(
      path,
      `cannot be read (${reasonOf(cause)}); expected a safetensors file of a state_dict; correct the path`,
      { cause },
    );
  }
}

async function readMap(path: string): Promise<ImportOptions> {
  const value = await readJson(path, {
    expected: 'the path of a JSON file',
    option: '--map',
    content: '{"names": {"fc1": "encoder.0"}}',
  });
  const options = record(value, path, ['names', 'transposed', 'absentBias']);
  const { names = {}, transposed = {}, absentBias } = options;
  if (absentBias !== undefined && absentBias !== 'zero')
    throw new SpecError(`${path}.absentBias`, `is ${show(absentBias)}; expected "zero"`);
  for (const [theirs, ours] of Object.entries(fieldsOf(names, `${path}.names`)))
    for (const name of Array.isArray(ours) ? list(ours, `${path}.names.${theirs}`, 1, 16) : [ours])
      if (typeof name !== 'string')
        throw new SpecError(
          `${path}.names.${theirs}`,
          `is ${show(ours)}; expected a name of ours, or several`,
        );
  for (const [name, settings] of Object.entries(fieldsOf(transposed, `${path}.transposed`)))
    record(settings, `${path}.transposed.${name}`, ['padding', 'outputPadding']);
  return options;
}

/** An object with any fields. @throws SpecError */
function fieldsOf(value: unknown, where: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new SpecError(where, `is ${show(value)}; expected an object`);
}
