import { Card } from './card.js';

export function LatentSpace() {
  return (
    <Card id="latent-space" title="The latent space">
      <p class="faint">…</p>
    </Card>
  );
}
