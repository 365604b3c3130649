/**
 * The folder that a run writes into. A file appears whole or not at all: it is written under another name,
 * flushed, and renamed. The first file of a training takes away what an earlier one left, so that the
 * folder never shows the pictures of one model beside the weights of another.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../gpu/errors.js';

/** Every file that a training may write. */
export const artifactNames = [
  'model.safetensors',
  'history.jsonl',
  'report.json',
  'curve.svg',
  'reconstructions.png',
  'samples.png',
  'manifold.png',
  'evaluation.json',
  'latents.svg',
  'traversals.png',
  'bilinear.png',
  'mixture.png',
  'flow.png',
] as const;

/** What `baseline` writes: beside a training's files, which are there to be compared with. */
export const baselineNames = [
  'baseline.json',
  'baseline.safetensors',
  'baseline-components.png',
  'baseline-reconstructions.png',
  'baseline-samples.png',
] as const;
export type ArtifactName = (typeof artifactNames | typeof baselineNames)[number];

export class OutputFolder {
  readonly #written = new Set<ArtifactName>();

  private constructor(
    readonly path: string,
    readonly replaces: boolean,
  ) {}

  /**
   * Makes the folder where it is missing, and proves that it takes files.
   *
   * @param options replaces: the first write removes what an earlier run left
   * @throws DataError when it does not, so that nothing is trained in vain
   */
  static async open(path: string, options: { readonly replaces: boolean }): Promise<OutputFolder> {
    const probe = join(path, temporaryName('probe'));
    try {
      await mkdir(path, { recursive: true });
      await writeFile(probe, '');
      await rm(probe);
    } catch (cause) {
      throw unwritable(path, cause);
    }
    return new OutputFolder(path, options.replaces);
  }

  /** Names of the files written so far, in the order of the lists above. */
  get written(): ArtifactName[] {
    return [...artifactNames, ...baselineNames].filter((name) => this.#written.has(name));
  }

  /** @throws DataError when the disk is full or the folder has gone */
  async write(name: ArtifactName, content: string | Uint8Array): Promise<void> {
    const temporary = join(this.path, temporaryName(name));
    try {
      await mkdir(this.path, { recursive: true }); // someone may have tidied up since
      await writeFile(temporary, content, { flush: true });
      if (this.replaces && this.#written.size === 0) await this.#removeEarlier();
      await rename(temporary, join(this.path, name));
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to report
      throw unwritable(join(this.path, name), cause);
    }
    this.#written.add(name);
  }

  async #removeEarlier(): Promise<void> {
    for (const name of artifactNames) await rm(join(this.path, name), { force: true });
  }
}

/** Two runs into one folder must not share it. */
function temporaryName(name: string): string {
  return `.${name}.${process.pid}.tmp`;
}

function unwritable(path: string, cause: unknown): DataError {
  return new DataError(
    path,
    `cannot be written (${reasonOf(cause)}); expected a folder that takes files; choose another one with --out, or free space`,
    { cause },
  );
}

/** The system's own words, without the path that our message opens with. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0]!.replace(/, \w+ '.*$/, '');
}

/** Writes a file whole or not at all. @throws DataError for a path that takes none */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes, { flush: true });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to report
    throw new DataError(
      path,
      `cannot be written (${reasonOf(cause)}); expected a path in a folder that takes files; choose another with --out`,
      { cause },
    );
  }
}
