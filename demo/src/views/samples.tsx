/** Images of codes drawn from the prior, redrawn while the model learns. */
import { useMemo, useState } from 'preact/hooks';
import { data, model } from '../state.js';
import Text from '../text/samples.mdx';
import { Card } from './card.js';
import { LiveCanvas } from './live-canvas.js';

const ROWS = 32;
const COLUMNS = 8;
/** Of the class select. */
const ALL = -1;

export function Samples() {
  const [seed, setSeed] = useState(1);
  const [chosen, setChosen] = useState(ALL);
  const classes = model.value?.spec.condition?.classes;
  const drawing = useMemo(() => {
    const labels = classes && Array.from({ length: ROWS }, (_, row) => labelOf(chosen, row, classes));
    return { columns: COLUMNS, sample: { seed, rows: ROWS }, ...(labels && { labels }) };
  }, [seed, chosen, classes]);
  return (
    <Card id="samples" title="Samples" text={Text}>
      <LiveCanvas
        name="samples"
        drawing={drawing}
        label={`${ROWS} images that the model makes up, seed ${seed}`}
      />
      <div class="row below">
        <button type="button" onClick={() => setSeed(seed + 1)}>
          Other samples
        </button>
        {classes && <ClassSelect classes={classes} chosen={chosen} onChoose={setChosen} />}
        <span class="faint">seed {seed}</span>
      </div>
    </Card>
  );
}

/** The chosen class, or all of them in turn. */
function labelOf(chosen: number, row: number, classes: number): number {
  return chosen >= 0 && chosen < classes ? chosen : row % classes;
}

interface ClassSelectProps {
  readonly classes: number;
  readonly chosen: number;
  readonly onChoose: (chosen: number) => void;
}

function ClassSelect({ classes, chosen, onChoose }: ClassSelectProps) {
  const names = data.value?.classes ?? [];
  return (
    <label>
      Class{' '}
      <select value={chosen} onChange={({ currentTarget }) => onChoose(Number(currentTarget.value))}>
        <option value={ALL}>all, in turn</option>
        {Array.from({ length: classes }, (_, index) => (
          <option key={index} value={index}>
            {names.length === classes ? names[index] : index}
          </option>
        ))}
      </select>
    </label>
  );
}
