/** Files that the visitor takes away: the worker makes them, the browser saves them. */
import { attempt, studio } from './line.js';
import { model, settings } from './state.js';
import type { Drawing } from './studio/protocol.js';
import { drawingOf } from './views/codes.js';
import { imagesPerSide, manifoldCodes } from './views/plane.js';

/** What can be taken away: how its name ends, and how it is made. */
const kinds = {
  checkpoint: { ending: '.safetensors', make: () => studio.checkpoint() },
  pytorch: { ending: '-pytorch.zip', make: (name: string) => studio.export('pytorch', name) },
  onnx: { ending: '-onnx.zip', make: (name: string) => studio.export('onnx', name) },
  manifold: { ending: '-manifold.png', make: () => studio.picture(manifold()) },
  samples: { ending: '-samples.png', make: () => studio.picture('samples') },
  animation: { ending: '-manifold.gif', make: () => studio.animation() },
} as const;

export type DownloadKind = keyof typeof kinds;

/** Resolves with the file's name, or with nothing when it could not be made, which is told. */
export async function download(kind: DownloadKind): Promise<string | undefined> {
  let name: string | undefined;
  await attempt(async () => {
    const { ending, make } = kinds[kind];
    const asked = `${await baseName()}${ending}`;
    save(await make(asked.replace('.zip', '')), asked);
    name = asked;
  });
  return name;
}

/** Lets the worker record the manifold of the settings while it trains. */
export async function recordManifold(): Promise<void> {
  if (model.peek()) await studio.record(manifold());
}

function manifold(): Drawing {
  const { z, axes } = settings.peek();
  const n = imagesPerSide(model.peek()!.spec.input);
  return drawingOf(manifoldCodes(z, axes, n), n)!; // there is a model
}

async function baseName(): Promise<string> {
  const { step, isPretrained } = await studio.facts;
  return isPretrained ? 'webgpu-vae-pretrained' : `webgpu-vae-step-${step}`;
}

function save(bytes: Uint8Array, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the browser has begun to read it by then
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
