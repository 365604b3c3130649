import { Card } from '../views/card.js';

export function DataControls() {
  return (
    <Card id="data" title="Images">
      <p class="faint">…</p>
    </Card>
  );
}
