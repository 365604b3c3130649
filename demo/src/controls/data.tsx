/** Which images the model learns from, what they look like, and how to bring others. */
import type { ComponentChildren } from 'preact';
import { choice, choose, mismatch, type Choice } from '../choose-source.js';
import { brought, ownCounts, type OwnKind } from '../own-images.js';
import { loading } from '../state.js';
import Text from '../text/data.mdx';
import { Card } from '../views/card.js';
import { Camera } from './camera.js';
import './data.css';
import { DropZone } from './drop-zone.js';
import { OwnFiles } from './own-files.js';
import { Preview } from './preview.js';

export function DataControls() {
  return (
    <Card id="data" title="Images" text={Text}>
      <Sources />
      <Progress />
      <Preview />
      <Mismatch />
      <OwnFiles />
      <Camera />
      <DropZone />
      <p class="faint">
        Everything stays in this tab: images are read, drawn and trained on here, and nothing is sent
        anywhere.
      </p>
    </Card>
  );
}

function Sources() {
  const counts = ownCounts.value;
  return (
    <fieldset class="sources">
      <legend class="unseen">The model learns from</legend>
      <SourceOption kind="fashion">Fashion-MNIST</SourceOption>
      <SourceOption kind="shapes">2-D shapes, drawn here</SourceOption>
      <OwnOption kind="drawings" name="My drawings" count={counts.drawings} />
      <OwnOption kind="frames" name="My camera images" count={counts.frames} />
      <OwnOption kind="files" name={brought.value?.name ?? 'My files'} count={counts.files} />
    </fieldset>
  );
}

interface OwnOptionProps {
  readonly kind: OwnKind;
  readonly name: string;
  readonly count: number;
}

/** There is nothing to choose before there are images. */
function OwnOption({ kind, name, count }: OwnOptionProps) {
  if (count === 0) return null;
  return (
    <SourceOption kind={kind}>
      {name} ({count.toLocaleString('en')})
    </SourceOption>
  );
}

function SourceOption({ kind, children }: { readonly kind: Choice; readonly children: ComponentChildren }) {
  return (
    <label class="option">
      <input type="radio" name="source" checked={choice.value === kind} onChange={() => void choose(kind)} />
      {children}
    </label>
  );
}

/** How much of the images to train on has come. */
function Progress() {
  const progress = loading.value;
  if (!progress) return null;
  const { name, loadedBytes, totalBytes } = progress;
  return (
    <p class="loading">
      <label>
        Loading {name}: {megabytes(loadedBytes)} {totalBytes && `of ${megabytes(totalBytes)} `}MB
        <progress max={totalBytes} value={totalBytes && loadedBytes} />
      </label>
    </p>
  );
}

function Mismatch() {
  const shapes = mismatch.value;
  return (
    <div role="status">
      {shapes && (
        <p class="hint">
          These images are {shapes.images}; the model shown takes {shapes.model}.{' '}
          <strong>Train from scratch</strong> makes a model for them. Until then you can go on playing with
          this one.
        </p>
      )}
    </div>
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
