/** How it is trained: what acts on the next step, and what a new trainer begins with. */
import { optimizerNames, type OptimizerSpec } from 'webgpu-vae';
import { ranges } from '../ranges.js';
import { change, model, settings } from '../state.js';
import Beta from '../text/beta.mdx';
import Training from '../text/training.mdx';
import { Card } from '../views/card.js';
import { NumberField, SelectField, Slider } from './fields.js';
import { cubic, logarithmic } from './scales.js';

const betaScale = cubic(16);
const rateScale = logarithmic(1e-6, 1);

const titles: Readonly<Record<OptimizerSpec['type'], string>> = {
  adam: 'Adam',
  adamw: 'AdamW',
  sgd: 'SGD',
  adagrad: 'Adagrad',
};

function Text() {
  return (
    <>
      <Beta />
      <Training />
    </>
  );
}

export function TrainingControls() {
  const { learningRate, batchSize, optimizer, seed } = settings.value;
  return (
    <Card id="training" title="Training" text={Text}>
      <BetaSlider />
      <Slider
        label="Learning rate"
        value={learningRate}
        range={ranges.learningRate}
        scale={rateScale}
        onChange={(value) => change({ learningRate: value })}
      />
      <div class="fields">
        <NumberField
          label="Batch size"
          value={batchSize}
          range={ranges.batchSize}
          onChange={(value) => change({ batchSize: value })}
          describedBy="new-trainer"
        />
        <SelectField
          label="Optimiser"
          value={optimizer}
          choices={optimizerNames.map((value) => ({ value, title: titles[value] }))}
          onChange={(value) => change({ optimizer: value as OptimizerSpec['type'] })}
        />
        <NumberField
          label="Seed"
          value={seed}
          range={ranges.seed}
          onChange={(value) => change({ seed: value })}
          describedBy="new-trainer"
        />
      </div>
      <p class="faint" id="new-trainer">
        These three count from the next Play or Step on: a new trainer begins there, and the optimiser’s
        moments begin anew. The seed also makes the weights that training from scratch begins with.
      </p>
    </Card>
  );
}

function BetaSlider() {
  const isOpen = model.value?.betaIsOpen ?? true;
  return (
    <Slider
      label="β, the weight of the KL"
      value={settings.value.beta}
      range={ranges.beta}
      scale={betaScale}
      disabled={!isOpen}
      describedBy="beta-effect"
      onChange={(beta) => change({ beta })}
    >
      <p class="faint" id="beta-effect">
        {isOpen
          ? 'Acts on the next step.'
          : `The ${model.value?.spec.objective.type} objective of the model that is shown weighs the KL by itself.`}
      </p>
    </Slider>
  );
}
