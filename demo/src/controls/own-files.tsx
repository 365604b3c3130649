/** Images from the visitor's own files, and what all images of their own are scaled to. */
import type { ImageShape } from 'webgpu-vae';
import { choice, choose } from '../choose-source.js';
import { chosenFiles } from '../dropped.js';
import { bringFiles, ownShape, reading } from '../own-images.js';
import type { NamedFile } from '../studio/reading.js';

const SIDES = [28, 32, 64] as const;

/** Reads them, and goes over to them where there are images among them. */
export async function bring(files: readonly NamedFile[]): Promise<void> {
  if (files.length > 0 && (await bringFiles(files))) await choose('files');
}

export function OwnFiles() {
  return (
    <details class="own">
      <summary>Your own images</summary>
      <p class="faint">
        PNG, JPEG, WebP, GIF, IDX files (gzipped or not), or folders of them, whose names become classes. You
        can also drop them anywhere on this page.
      </p>
      <FileInput label="Choose files" />
      <FileInput label="Choose a folder" isFolder />
      <Reading />
      <ShapeControls />
    </details>
  );
}

function FileInput({ label, isFolder = false }: { readonly label: string; readonly isFolder?: boolean }) {
  return (
    <label class="field">
      {label}
      <input
        type="file"
        multiple
        {...(isFolder && { webkitdirectory: true })}
        disabled={reading.value !== undefined}
        onChange={({ currentTarget }) => {
          const files = chosenFiles(currentTarget.files);
          currentTarget.value = ''; // the same files can be chosen again
          void bring(files);
        }}
      />
    </label>
  );
}

function Reading() {
  const progress = reading.value;
  if (!progress) return null;
  const { done, total } = progress;
  return (
    <label class="field">
      Reading {done.toLocaleString('en')} of {total.toLocaleString('en')}
      <progress max={total} value={done} />
    </label>
  );
}

function ShapeControls() {
  const [side, , channels] = ownShape.value;
  return (
    <div class="row">
      <label class="field">
        Size
        <select
          value={side}
          onChange={({ currentTarget }) => setShape(Number(currentTarget.value), channels)}
        >
          {SIDES.map((size) => (
            <option key={size} value={size}>
              {size} × {size}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Colours
        <select
          value={channels}
          onChange={({ currentTarget }) => setShape(side, currentTarget.value === '3' ? 3 : 1)}
        >
          <option value={1}>grey</option>
          <option value={3}>colour</option>
        </select>
      </label>
    </div>
  );
}

/** What is shown follows, if it is of the visitor's own. */
function setShape(side: number, channels: ImageShape[2]): void {
  ownShape.value = [side, side, channels];
  const shown = choice.peek();
  if (shown && shown !== 'fashion' && shown !== 'shapes') void choose(shown);
}
