/** The page: what it is, the controls, and the views. */
import { DataControls } from './controls/data.js';
import { ModelControls } from './controls/model.js';
import { TakeAway } from './controls/take-away.js';
import { TrainingControls } from './controls/training.js';
import { Transport } from './controls/transport.js';
import { data, device, isGone, model, obstacle, speed } from './state.js';
import { Blur } from './views/blur.js';
import { Curves } from './views/curves.js';
import { DrawingPad } from './views/drawing-pad.js';
import { Interpolation } from './views/interpolation.js';
import { KlBars } from './views/kl-bars.js';
import { LatentSpace } from './views/latent-space.js';
import { Notes } from './views/notes.js';
import { Obstacle } from './views/obstacle.js';
import { Plan } from './views/plan.js';
import { Reconstructions } from './views/reconstructions.js';
import { Samples } from './views/samples.js';
import { Traversals } from './views/traversals.js';

export function Page() {
  if (obstacle.value !== undefined) return <Obstacle message={obstacle.value} />;
  return (
    <>
      <header class="top">
        <h1>Watch a variational autoencoder learn</h1>
        <p>
          It trains on your own GPU, in this tab, and nothing you show it leaves the tab. Drag a point through
          what it has learned, draw for it, or let it begin anew.
        </p>
        <Status />
      </header>
      <Notes />
      <main>
        <fieldset class="all" disabled={isGone.value}>
          <Transport />
          <div class="columns">
            <div class="controls">
              <DataControls />
              <ModelControls />
              <TrainingControls />
              <TakeAway />
            </div>
            <div class="views">
              <LatentSpace />
              <Curves />
              <Reconstructions />
              <DrawingPad />
              <Samples />
              <Interpolation />
              <Traversals />
              <KlBars />
              <Blur />
              <Plan />
            </div>
          </div>
        </fieldset>
      </main>
    </>
  );
}

function Status() {
  const { value: facts } = model;
  return (
    <p class="status">
      {device.value ?? 'looking for a GPU …'}
      {data.value && ` · ${data.value.name}, ${data.value.rows.toLocaleString('en')} images`}
      {facts && ` · ${facts.parameterCount.toLocaleString('en')} weights`}
      {speed.value && ` · ${speed.value.imagesPerSecond.toFixed(0)} images/s`}
    </p>
  );
}
