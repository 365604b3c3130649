import { Card } from './card.js';

export function Interpolation() {
  return (
    <Card id="interpolation" title="From one image to another">
      <p class="faint">…</p>
    </Card>
  );
}
