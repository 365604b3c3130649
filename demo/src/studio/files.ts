/** Reads what a visitor brings, IDX and picture files, in a worker of its own: neither the page nor the training waits for it. */
import type { Dataset, ImageShape } from 'webgpu-vae';
import { shuffled } from '../random.js';
import { idxKind, openingOf, readIdxPairs } from './idx-files.js';
import { OwnRows } from './own-rows.js';
import { classesOf, decodePicture, opensAsPicture } from './picture-files.js';
import type { NamedFile, Picture, ReadProgress, ReadReport, Skip } from './reading.js';

type Kind = 'picture' | 'images' | 'labels' | 'other';

/** The page is told so often. */
const PROGRESS_MS = 100;
const pictureEnding = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;

/** Everything that the page asks for. */
export class FileReading {
  /** Files as rows of `shape`; one that cannot be read is named in the report. */
  async read(
    files: readonly NamedFile[],
    shape: ImageShape,
    onProgress: (progress: ReadProgress) => void,
  ): Promise<ReadReport> {
    const skipped: { path: string; reason: string }[] = [];
    const skip: Skip = (path, reason) => skipped.push({ path, reason });
    const kinds = await sort(files);
    for (const { path } of kinds.other) skip(path, 'is neither a picture nor an IDX file');
    const idx = await readIdxPairs(kinds.images, kinds.labels, skip);
    const idxRows = idx.reduce((sum, { rows }) => sum + rows, 0);
    const total = idxRows + kinds.picture.length;
    const rows = new OwnRows(shape, total);
    const tell = throttled((done) => onProgress({ done, total }));
    const isMixed = idx.length > 0 && kinds.picture.length > 0;
    for (const data of idx) addRows(rows, data, !isMixed, tell);
    const classes = await addPictures(rows, kinds.picture, !isMixed, skip, tell);
    const leftOut = Math.max(0, total - rows.capacity);
    return { ...(rows.count > 0 && { images: rows.finish() }), classes, skipped, leftOut };
  }

  /** Pictures as rows of `shape`, in an order without pattern, so that those held out are like the others. */
  fit(pictures: readonly Picture[], shape: ImageShape): Dataset {
    const rows = new OwnRows(shape, pictures.length);
    for (const { pixels, label } of shuffled(pictures)) if (!rows.isFull) rows.add(pixels, label);
    return rows.finish();
  }
}

async function sort(files: readonly NamedFile[]): Promise<Record<Kind, NamedFile[]>> {
  const kinds: Record<Kind, NamedFile[]> = { picture: [], images: [], labels: [], other: [] };
  for (const file of files) if (!isHidden(file.path)) kinds[await kindOf(file)].push(file);
  return kinds;
}

/** What systems leave in folders is nobody's image, and not worth a word. */
function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.') || ['__MACOSX', 'Thumbs.db'].includes(name));
}

async function kindOf({ file }: NamedFile): Promise<Kind> {
  if (pictureEnding.test(file.name)) return 'picture';
  const opening = await openingOf(file);
  const kind = idxKind(opening, file.name);
  if (kind) return kind;
  return opening.length > 0 && opensAsPicture(opening) ? 'picture' : 'other';
}

function addRows(rows: OwnRows, data: Dataset, isLabelled: boolean, tell: (done: number) => void): void {
  const [height = 1, width = 1] = data.shape;
  const values = data.values as Uint8Array; // IDX holds bytes
  const length = height * width;
  for (let row = 0; row < data.rows && !rows.isFull; row++) {
    const pixels = { height, width, data: values.subarray(row * length, (row + 1) * length) };
    rows.add(pixels, isLabelled ? data.labels?.[row] : undefined);
    tell(rows.count);
  }
}

/** @returns the names of the classes */
async function addPictures(
  rows: OwnRows,
  files: readonly NamedFile[],
  isLabelled: boolean,
  skip: Skip,
  tell: (done: number) => void,
): Promise<readonly string[]> {
  const { classes, labels } = classesOf(files.map(({ path }) => path));
  const before = rows.count;
  const order = shuffled(files.map((file, i) => ({ ...file, label: labels[i] })));
  for (const [i, { file, path, label }] of order.entries()) {
    if (rows.isFull) break;
    try {
      rows.add(await decodePicture(file), isLabelled ? label : undefined);
    } catch (error) {
      skip(path, error instanceof Error ? error.message : String(error));
    }
    tell(before + i + 1);
  }
  return isLabelled ? classes : [];
}

/** Hears of every number and passes on one now and then. */
function throttled(tell: (done: number) => void): (done: number) => void {
  let next = 0;
  return (done) => {
    const now = performance.now();
    if (now < next) return;
    next = now + PROGRESS_MS;
    tell(done);
  };
}
