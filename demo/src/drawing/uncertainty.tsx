/** What the model believes about the drawing: each latent's mean and spread, and images of codes drawn from the posterior. */
import { useMemo } from 'preact/hooks';
import { normals } from '../random.js';
import { model } from '../state.js';
import { LiveCanvas } from '../views/live-canvas.js';
import { conditionOf, posterior, sketchLabel, type Posterior } from './posterior.js';

const DRAWS = 8;
const SEED = 1;
/** More would be a wall; then those of which the model is surest are shown. */
const MOST_BARS = 12;
/** The bars reach from -LIMIT to LIMIT, where nearly all of the prior lies. */
const LIMIT = 3;

export function Uncertainty() {
  const told = posterior.value;
  const draws = useDraws(told);
  return (
    <div class="uncertainty">
      {told ? <Bars {...told} /> : <p class="faint">Where the model places it will be told here.</p>}
      <div class={draws ? '' : 'absent'}>
        <p class="faint">{DRAWS} codes drawn from q(z|x), decoded: how far it is from sure.</p>
        <LiveCanvas
          name="posterior"
          drawing={draws}
          label={`${DRAWS} images decoded from codes of the drawing's posterior`}
        />
      </div>
    </div>
  );
}

/** z = mean + deviation * noise, with the same noise every time, so that only the posterior moves them. */
function useDraws(told: Posterior | undefined) {
  const label = sketchLabel.value;
  const latent = model.value?.spec.latent;
  return useMemo(() => {
    const { mean, deviation, isGaussian } = told ?? {};
    if (!mean || !deviation || !isGaussian || mean.length !== latent) return undefined;
    const noise = normals(SEED, DRAWS * latent);
    const decode = noise.map((eps, i) => mean[i % latent]! + deviation[i % latent]! * eps);
    const [condition] = conditionOf(label) ?? [];
    const labels = condition === undefined ? {} : { labels: Array.from({ length: DRAWS }, () => condition) };
    return { columns: DRAWS / 2, decode, ...labels };
  }, [told, label, latent]);
}

function Bars({ mean, deviation, kl }: Posterior) {
  const order = mean.map((_, k) => k);
  const surest = deviation ? order.toSorted((a, b) => deviation[a]! - deviation[b]!) : order;
  const shown = surest.slice(0, MOST_BARS).toSorted((a, b) => a - b);
  const left = mean.length - shown.length;
  return (
    <>
      <ul class="bars">
        {shown.map((k) => (
          <Bar key={k} index={k} mean={mean[k]!} deviation={deviation?.[k]} />
        ))}
      </ul>
      <p class="faint">
        {left > 0 && `The ${MOST_BARS} surest of ${mean.length} latents. `}
        {kl !== undefined && (
          <>
            KL of this drawing: <span class="number">{kl.toFixed(2)}</span> nats.
          </>
        )}
      </p>
    </>
  );
}

interface BarProps {
  readonly index: number;
  readonly mean: number;
  readonly deviation: number | undefined;
}

function Bar({ index, mean, deviation = 0 }: BarProps) {
  const [left, right] = [place(mean - deviation), place(mean + deviation)];
  return (
    <li>
      <span class="number">
        z<sub>{index + 1}</sub> = {mean.toFixed(2)} ± {deviation.toFixed(2)}
      </span>
      <span class="track" aria-hidden="true">
        <span class="spread" style={{ left: `${left}%`, width: `${right - left}%` }} />
        <span class="mean" style={{ left: `${place(mean)}%` }} />
      </span>
    </li>
  );
}

/** Per cent of the bar's width. */
function place(value: number): number {
  return 50 + (50 * Math.min(LIMIT, Math.max(-LIMIT, value))) / LIMIT;
}
