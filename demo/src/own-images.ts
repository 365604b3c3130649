/** The visitor's own images: drawn, seen by the camera, or brought as files. They stay in this tab's memory, whatever source is chosen. */
import { computed, signal } from '@preact/signals';
import { proxy, wrap, type Remote } from 'comlink';
import type { ImageShape, Pixels } from 'webgpu-vae';
import { attempt, studio } from './session.js';
import { note } from './state.js';
import type { Source } from './studio/protocol.js';
import type { FileReading } from './studio/files.js';
import type { NamedFile, Picture, ReadProgress, ReadReport } from './studio/reading.js';

/** The sets that a visitor can make. */
export type OwnKind = 'drawings' | 'frames' | 'files';

/** What is brought as files, as rows. */
interface BroughtImages {
  readonly name: string;
  readonly files: readonly NamedFile[];
  readonly shape: ImageShape;
  readonly images: NonNullable<ReadReport['images']>;
  readonly classes: readonly string[];
}

const MAX_PICTURES = 2000;
/** So many of the files that were skipped are named. */
const MOST_NAMED = 5;
const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

export const ownShape = signal<ImageShape>([28, 28, 1]);
export const drawings = signal<readonly Picture[]>([]);
export const frames = signal<readonly Pixels[]>([]);
export const brought = signal<BroughtImages | undefined>(undefined);
export const reading = signal<ReadProgress | undefined>(undefined);

/** Images of each set. */
export const ownCounts = computed<Readonly<Record<OwnKind, number>>>(() => ({
  drawings: drawings.value.length,
  frames: frames.value.length,
  files: brought.value?.images.rows ?? 0,
}));

/** The worker that reads, from the first question on. */
let reader: { readonly remote: Remote<FileReading>; readonly broken: Promise<never> } | undefined;

/** Asks the worker that reads. @throws Error when it did not load */
function ask<T>(question: (remote: Remote<FileReading>) => Promise<T>): Promise<T> {
  reader ??= openReader();
  return Promise.race([question(reader.remote), reader.broken]);
}

function openReader(): NonNullable<typeof reader> {
  const worker = new Worker(new URL('./studio/files-worker.ts', import.meta.url), {
    type: 'module',
    name: 'files',
  });
  const broken = new Promise<never>((_, reject) =>
    worker.addEventListener('error', ({ message }) => {
      reader = undefined; // the next question tries anew
      reject(new Error(`what reads your images did not load (${message || 'no answer'}); try again`));
    }),
  );
  broken.catch(() => undefined); // told to those who ask
  return { remote: wrap<FileReading>(worker), broken };
}

export function addDrawing(pixels: Pixels, label: number | undefined): void {
  drawings.value = added(drawings.value, { pixels, ...(label !== undefined && { label }) });
}

export function removeLastDrawing(): void {
  drawings.value = drawings.value.slice(0, -1);
}

export function addFrame(pixels: Pixels): void {
  frames.value = added(frames.value, pixels);
}

/** Where there is no more room, the oldest goes. */
function added<T>(list: readonly T[], item: T): readonly T[] {
  return [...list.slice(Math.max(0, list.length + 1 - MAX_PICTURES)), item];
}

/** Reads files as the visitor's images; a checkpoint among them becomes the model. Resolves to whether there are images. */
export async function bringFiles(files: readonly NamedFile[]): Promise<boolean> {
  const models = files.filter(({ path }) => path.endsWith('.safetensors'));
  for (const { file, path } of models)
    await attempt(async () => {
      await studio.load(new Uint8Array(await file.arrayBuffer()));
      note('info', `${path} is the model now.`);
    });
  const others = files.filter((file) => !models.includes(file));
  if (others.length === 0) return false;
  let isRead = false;
  await attempt(async () => (isRead = await readImages(others)));
  return isRead;
}

/** Reads the same files again, for another size or number of colours. */
export async function readImages(files: readonly NamedFile[]): Promise<boolean> {
  if (reading.peek()) throw new Error('files are being read already; wait until they are there');
  reading.value = { done: 0, total: files.length };
  const shape = ownShape.peek();
  try {
    const onProgress = proxy((progress: ReadProgress) => (reading.value = progress));
    const report = await ask((remote) => remote.read(files, shape, onProgress));
    tellSkipped(report, files.length);
    const { images, classes } = report;
    if (images) brought.value = { name: nameOf(files), files, shape, images, classes };
    return images !== undefined;
  } finally {
    reading.value = undefined;
  }
}

function tellSkipped({ images, skipped, leftOut }: ReadReport, count: number): void {
  const named = skipped.slice(0, MOST_NAMED).map(({ path, reason }) => `${path}: ${reason}`);
  const more = skipped.length > MOST_NAMED ? ` And ${skipped.length - MOST_NAMED} more.` : '';
  const were = skipped.length === 1 ? 'was' : 'were';
  if (skipped.length > 0)
    note('warning', `${skipped.length} of ${count} files ${were} skipped. ${named.join('. ')}.${more}`);
  if (leftOut > 0) note('warning', `${leftOut} images were left out: more do not fit into memory.`);
  if (!images)
    note(
      'failure',
      `No image came of ${count === 1 ? 'that file' : `those ${count} files`}; expected PNG, JPEG, WebP, GIF or IDX files, or folders of them. Nothing has changed.`,
    );
}

/** The folder that all of them lie in, or the only file. */
function nameOf(files: readonly NamedFile[]): string {
  const roots = new Set(files.map(({ path }) => path.split('/')[0]));
  return roots.size === 1 ? [...roots][0]! : `${files.length} files`;
}

/** The images of a set as the studio takes them. @throws Error when there are none */
export async function ownSource(kind: OwnKind): Promise<Extract<Source, { kind: 'own' }>> {
  const shape = ownShape.peek();
  if (kind === 'files') return filesSource(shape);
  const pictures = kind === 'drawings' ? drawings.peek() : frames.peek().map((pixels) => ({ pixels }));
  if (pictures.length === 0) throw new Error('there are no such images yet; draw or record some');
  const images = await ask((remote) => remote.fit(pictures, shape));
  const name = kind === 'drawings' ? 'Your drawings' : 'Your camera';
  return { kind: 'own', name, images, ...(images.labels && { classes: DIGITS }) };
}

async function filesSource(shape: ImageShape): Promise<Extract<Source, { kind: 'own' }>> {
  const before = brought.peek();
  if (before && before.shape.join() !== shape.join()) await readImages(before.files);
  const now = brought.peek();
  if (!now) throw new Error('there are no files yet; choose some, or drop them on the page');
  const { name, images, classes } = now;
  return { kind: 'own', name, images, ...(classes.length > 0 && { classes }) };
}
