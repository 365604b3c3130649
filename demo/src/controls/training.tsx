import { Card } from '../views/card.js';

export function TrainingControls() {
  return (
    <Card id="training" title="Training">
      <p class="faint">…</p>
    </Card>
  );
}
