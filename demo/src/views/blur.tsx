import { Card } from './card.js';

export function Blur() {
  return (
    <Card id="blur" title="Why blurry?">
      <p class="faint">…</p>
    </Card>
  );
}
