import { Card } from './card.js';

export function Plan() {
  return (
    <Card id="plan" title="What a step does">
      <p class="faint">…</p>
    </Card>
  );
}
