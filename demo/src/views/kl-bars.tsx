/** How much each latent tells about an image: bars that fall to nothing where a latent collapses. */
import { useState } from 'preact/hooks';
import Text from '../text/kl-bars.mdx';
import { Card } from './card.js';
import { heldOutCodes, latentName } from './codes.js';
import './kl-bars.css';

/** A latent below this tells nothing. */
const LEAST_NATS = 0.01;
/** More are shown when they are asked for. */
const MOST_ROWS = 20;

export function KlBars() {
  const [isSorted, setSorted] = useState(false);
  const kl = heldOutCodes.value?.klPerLatent;
  return (
    <Card id="kl-bars" title="KL of each latent" text={Text}>
      {kl ? <Bars kl={kl} isSorted={isSorted} /> : <Unknown />}
      <label class="row">
        <input type="checkbox" checked={isSorted} onChange={() => setSorted(!isSorted)} />
        Largest first
      </label>
    </Card>
  );
}

function Unknown() {
  return (
    <p class="faint">
      {heldOutCodes.value
        ? 'Only a diagonal Gaussian posterior has a KL for each latent; this model has another one.'
        : 'There is nothing to measure yet: a model, and images of the size it takes, are needed.'}
    </p>
  );
}

function Bars({ kl, isSorted }: { readonly kl: Float32Array; readonly isSorted: boolean }) {
  const [hasAll, setAll] = useState(false);
  const rows = Array.from(kl, (nats, k) => ({ k, nats }));
  const used = rows.filter(({ nats }) => nats >= LEAST_NATS).length;
  const most = Math.max(...kl, LEAST_NATS);
  const total = kl.reduce((sum, nats) => sum + nats, 0);
  const ordered = isSorted ? rows.toSorted((a, b) => b.nats - a.nats) : rows;
  const shown = hasAll ? ordered : ordered.slice(0, MOST_ROWS);
  return (
    <>
      <p role="status" class="kl-count">
        {used} of {kl.length} {kl.length === 1 ? 'latent is' : 'latents are'} used
      </p>
      <table class="kl-table">
        <thead>
          <tr>
            <th scope="col" colSpan={2}>
              latent
            </th>
            <th scope="col">nats</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ k, nats }) => (
            <Row key={k} name={latentName(k)} nats={nats} share={nats / most} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={2}>
              all {kl.length}
            </th>
            <td>{total.toFixed(3)}</td>
          </tr>
        </tfoot>
      </table>
      {kl.length > MOST_ROWS && (
        <button type="button" aria-expanded={hasAll} onClick={() => setAll(!hasAll)}>
          {hasAll ? `Show ${MOST_ROWS}` : `Show all ${kl.length}`}
        </button>
      )}
    </>
  );
}

function Row({
  name,
  nats,
  share,
}: {
  readonly name: string;
  readonly nats: number;
  readonly share: number;
}) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        {nats < LEAST_NATS ? (
          <span class="collapsed">collapsed</span>
        ) : (
          <div class="kl-bar" style={{ width: `${100 * share}%` }} />
        )}
      </td>
      <td>{nats.toFixed(3)}</td>
    </tr>
  );
}
