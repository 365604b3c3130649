import { Card } from './card.js';

export function Traversals() {
  return (
    <Card id="traversals" title="Along each latent">
      <p class="faint">…</p>
    </Card>
  );
}
