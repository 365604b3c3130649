/** Images of codes drawn from the prior, redrawn while the model learns. */
import { useMemo, useState } from 'preact/hooks';
import Text from '../text/samples.mdx';
import { Card } from './card.js';
import { LiveCanvas } from './live-canvas.js';

const ROWS = 32;
const COLUMNS = 8;

export function Samples() {
  const [seed, setSeed] = useState(1);
  const drawing = useMemo(() => ({ columns: COLUMNS, sample: { seed, rows: ROWS } }), [seed]);
  return (
    <Card id="samples" title="Samples" text={Text}>
      <LiveCanvas name="samples" drawing={drawing} label={`${ROWS} images that the model makes up`} />
      <button type="button" onClick={() => setSeed(seed + 1)}>
        Other samples
      </button>
    </Card>
  );
}
