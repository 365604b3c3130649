/** The top of the page: what it is, what it runs on, and its colours. */
import './page-header.css';
import { formatCount, formatQuantity } from './quantity.js';
import { data, device, model, speed } from './state.js';
import { chooseTheme, theme, themes, type Theme } from './theme.js';

export function PageHeader() {
  return (
    <header class="top">
      <div class="top-line">
        <h1>Watch a variational autoencoder learn</h1>
        <ThemeChoice />
      </div>
      <p>
        It trains on your own GPU, in this tab, and nothing you show it leaves the tab. Drag a point through
        what it has learned, draw for it, or let it begin anew.
      </p>
      <Status />
    </header>
  );
}

function ThemeChoice() {
  return (
    <label class="theme">
      Theme{' '}
      <select value={theme.value} onChange={({ currentTarget }) => chooseTheme(currentTarget.value as Theme)}>
        {themes.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Not a live region: its numbers change all the time. */
function Status() {
  const facts = model.value;
  const rate = speed.value;
  return (
    <ul class="status" aria-label="Status">
      <li>{device.value ?? 'looking for a GPU …'}</li>
      {data.value && (
        <li>
          {data.value.name}, {formatCount(data.value.rows)} images
        </li>
      )}
      {facts && <li>{formatCount(facts.parameterCount)} weights</li>}
      {rate && <li>{formatCount(rate.imagesPerSecond)} images/s</li>}
      {rate && <li>{formatQuantity(rate.gpuByteLength, 'B')} on the GPU</li>}
    </ul>
  );
}
