/** The file that `tune` writes and --tuning names. */
import { readFile } from 'node:fs/promises';
import { DataError, SpecError } from '../../gpu/errors.js';
import { readTuneTable, type TuneTable } from '../../gpu/tuning.js';
import { writeAtomically } from '../atomic-file.js';
import { reasonOf } from './artifacts.js';
import type { TuningSettings } from './options.js';

/** The table of --tuning. @throws SpecError when the file cannot be read or holds no table */
export async function readTuning({ tuning: path }: TuningSettings): Promise<TuneTable | undefined> {
  return path === undefined ? undefined : readTuneTable(await readJson(path));
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (cause) {
    throw new SpecError(
      path,
      `cannot be read as a table (${reasonOf(cause)}); expected the JSON that npm run tune wrote; correct --tuning`,
      { cause },
    );
  }
}

/** An entry a line, so that two tables can be compared. @throws DataError when the file cannot be written */
export async function writeTuning(path: string, { version, adapter, entries }: TuneTable): Promise<void> {
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`);
  const head = `{\n  "version": ${version},\n  "adapter": ${JSON.stringify(adapter)},\n  "entries": [\n`;
  try {
    await writeAtomically(path, `${head}${lines.join(',\n')}\n  ]\n}\n`);
  } catch (cause) {
    throw new DataError(
      path,
      `cannot be written (${reasonOf(cause)}); expected a file in a folder that takes files; choose another one with --out`,
      { cause },
    );
  }
}
