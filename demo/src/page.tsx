/** The page: what it is, the controls, and the views. */
import { DataControls } from './controls/data.js';
import { ModelControls } from './controls/model.js';
import { TakeAway } from './controls/take-away.js';
import { TrainingControls } from './controls/training.js';
import { Transport } from './controls/transport.js';
import { PageHeader } from './page-header.js';
import { isGone, obstacle } from './state.js';
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
      <PageHeader />
      <Notes />
      <main>
        <fieldset class="all" disabled={isGone.value}>
          <Transport />
          <div class="areas">
            <div class="first">
              <LatentSpace />
              <Curves />
            </div>
            <div class="controls">
              <DataControls />
              <ModelControls />
              <TrainingControls />
              <TakeAway />
            </div>
            <div class="views">
              <DrawingPad />
              <Reconstructions />
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
