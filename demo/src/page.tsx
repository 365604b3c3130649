/** The page: what it is, the controls, and the views. */
import { DataControls } from './controls/data.js';
import { ModelControls } from './controls/model.js';
import { TakeAway } from './controls/take-away.js';
import { TrainingControls } from './controls/training.js';
import { Transport } from './controls/transport.js';
import { PageHeader } from './page-header.js';
import { obstacle } from './state.js';
import { Blur } from './views/blur.js';
import { Curves } from './views/curves.js';
import { DrawingPad } from './views/drawing-pad.js';
import { Interpolation } from './views/interpolation.js';
import { KlBars } from './views/kl-bars.js';
import { LatentSpace } from './views/latent-space.js';
import { Notes } from './views/notes.js';
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
      </main>
    </>
  );
}

function Obstacle({ message }: { readonly message: string }) {
  return (
    <main class="obstacle">
      <h1>This page needs WebGPU</h1>
      <p role="alert">{message}</p>
      <p>
        Chrome and Edge have it on Windows, macOS, Android and ChromeOS, Safari from version 26, Firefox from
        version 141 on Windows. On Linux, Chrome needs a graphics driver with Vulkan;{' '}
        <code>chrome://gpu</code> says what is missing.
      </p>
    </main>
  );
}
