import { Card } from './card.js';

export function KlBars() {
  return (
    <Card id="kl-bars" title="KL of each latent">
      <p class="faint">…</p>
    </Card>
  );
}
