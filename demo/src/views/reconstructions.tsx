import { Card } from './card.js';

export function Reconstructions() {
  return (
    <Card id="reconstructions" title="Reconstructions">
      <p class="faint">…</p>
    </Card>
  );
}
