/** What is saved in the browser, what the visitor can take away, and what they bring back. */
import { useState } from 'preact/hooks';
import { download, type DownloadKind } from '../downloads.js';
import { forget, openFile } from '../keeping.js';
import { attempt } from '../line.js';
import { model, saved } from '../state.js';
import Text from '../text/take-away.mdx';
import { Card } from '../views/card.js';
import './take-away.css';

const downloads: readonly { readonly kind: DownloadKind; readonly label: string; readonly hint: string }[] = [
  { kind: 'checkpoint', label: 'Checkpoint', hint: 'model and training, safetensors' },
  { kind: 'pytorch', label: 'PyTorch', hint: 'folder, ZIP' },
  { kind: 'onnx', label: 'ONNX', hint: 'three graphs, ZIP' },
  { kind: 'manifold', label: 'Manifold', hint: 'picture, PNG' },
  { kind: 'samples', label: 'Samples', hint: 'picture, PNG' },
  { kind: 'animation', label: 'Animation', hint: 'manifold while it was learned, GIF' },
];

export function TakeAway() {
  const [message, setMessage] = useState('');
  const [busy, setBusy] = useState<DownloadKind>();
  const take = async (kind: DownloadKind): Promise<void> => {
    setBusy(kind);
    const name = await download(kind);
    setBusy(undefined);
    setMessage(name === undefined ? '' : `${name} is in your downloads.`);
  };
  return (
    <Card id="take-away" title="Take it away" text={Text} class="take-away">
      <div class="downloads">
        {downloads.map(({ kind, label, hint }) => (
          <button
            type="button"
            key={kind}
            disabled={!model.value || busy !== undefined}
            aria-busy={busy === kind}
            onClick={() => void take(kind)}
          >
            {label} <small>{hint}</small>
          </button>
        ))}
      </div>
      <output>{message}</output>
      <Bring />
      <Kept />
    </Card>
  );
}

function Bring() {
  return (
    <label class="bring">
      Open a checkpoint{' '}
      <input
        type="file"
        accept=".safetensors"
        disabled={!model.value}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file) void attempt(() => openFile(file));
          currentTarget.value = ''; // so that the same file can be opened again
        }}
      />
    </label>
  );
}

function Kept() {
  const { value } = saved;
  if (!value)
    return <p class="faint">While it trains, the model is saved in this browser every ten seconds.</p>;
  return (
    <p class="kept faint">
      Saved in this browser at step {value.step}, {new Date(value.timeMs).toLocaleTimeString()}.{' '}
      <button type="button" onClick={() => void forget()}>
        Forget what is saved
      </button>
    </p>
  );
}
