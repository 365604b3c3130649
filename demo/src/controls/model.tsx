import { Card } from '../views/card.js';

export function ModelControls() {
  return (
    <Card id="model" title="Model">
      <p class="faint">…</p>
    </Card>
  );
}
