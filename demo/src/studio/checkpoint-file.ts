/** What the page reads in a checkpoint beside the model: how far its training is, and what the page wrote into it. */
import { completeSpec, readSafetensors } from 'webgpu-vae';
import { readNote, type Kept } from '../kept.js';

export interface CheckpointFile {
  /** Steps that the model had taken. */
  readonly step: number;
  readonly hasTraining: boolean;
  /** Undefined for a file that another page or program wrote. */
  readonly kept: Kept | undefined;
}

/** @throws CheckpointError */
export async function readCheckpoint(bytes: Uint8Array): Promise<CheckpointFile> {
  const { metadata } = await readSafetensors(bytes);
  const kept = readNote(metadata.get('note'));
  const training = parseStep(metadata.get('training'));
  return { step: kept?.step ?? training ?? 0, hasTraining: training !== undefined, kept };
}

/** What does not parse is refused by the trainer, which says why. */
function parseStep(training: string | undefined): number | undefined {
  if (training === undefined) return undefined;
  try {
    return Number((JSON.parse(training) as { readonly step?: unknown }).step) || 0;
  } catch {
    return 0;
  }
}

/** Whether both describe one model, whichever defaults they leave out. */
export function isSameSpec(a: unknown, b: unknown): boolean {
  try {
    return JSON.stringify(completeSpec(a)) === JSON.stringify(completeSpec(b));
  } catch {
    return false;
  }
}
