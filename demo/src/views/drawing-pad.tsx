import { Card } from './card.js';

export function DrawingPad() {
  return (
    <Card id="drawing" title="Draw for it">
      <p class="faint">…</p>
    </Card>
  );
}
