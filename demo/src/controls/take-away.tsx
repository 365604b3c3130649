import { Card } from '../views/card.js';

export function TakeAway() {
  return (
    <Card id="take-away" title="Take it away">
      <p class="faint">…</p>
    </Card>
  );
}
