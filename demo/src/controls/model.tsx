/** The model to train: architecture, latent size, likelihood, posterior, prior and objective, and all of it as text. */
import type { VaeSpec } from 'webgpu-vae';
import { completeSpec } from 'webgpu-vae';
import { useMemo } from 'preact/hooks';
import { data, model, settings } from '../state.js';
import Likelihood from '../text/likelihood.mdx';
import Objective from '../text/objective.mdx';
import { Card } from '../views/card.js';
import { draft, draftWeights, edit, problem } from './draft.js';
import { NumberField, SelectField } from './fields.js';
import { PartFields } from './part.js';
import { architectureNames, architectures, presetOf, presetSpec, type Architecture } from './presets.js';
import { SpecEditor } from './spec-editor.js';

const latentRange = { least: 1, most: 4096, isWhole: true } as const;

function Text() {
  return (
    <>
      <Objective />
      <Likelihood />
    </>
  );
}

export function ModelControls() {
  const { value } = draft.value;
  const isReadable = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (
    <Card id="model" title="Model" text={Text}>
      <fieldset class="parts" disabled={!isReadable}>
        <Networks />
        <PartFields name="likelihood" label="Likelihood p(x|z)" onChange={changeLikelihood} />
        <PartFields name="posterior" label="Posterior q(z|x)" />
        <PartFields name="prior" label="Prior p(z)" />
        <PartFields name="objective" label="Objective" />
      </fieldset>
      {!isReadable && <p class="problem">The fields wait until the text below is a specification again.</p>}
      <SpecEditor />
      <Difference />
    </Card>
  );
}

/** Architecture and latent size; a preset's layers follow the images and the likelihood. */
function Networks() {
  const { value, spec } = draft.value;
  const name = useMemo(() => spec && presetOf(spec), [spec]);
  const latent = (value as Partial<VaeSpec> | undefined)?.latent;
  const shape = data.value?.shape ?? settings.value.spec.input;
  const base = spec ?? settings.value.spec;
  return (
    <div class="fields">
      <div class="whole">
        <SelectField
          label="Networks"
          value={name ?? (spec ? 'your own layers' : '')}
          choices={choices(shape, base)}
          onChange={(chosen) => edit(presetSpec(chosen as Architecture, shape, base) ?? {})}
        />
      </div>
      <NumberField
        label="Latent size"
        value={typeof latent === 'number' ? latent : base.latent}
        range={latentRange}
        onChange={(size) => edit({ latent: size })}
      />
    </div>
  );
}

function choices(shape: readonly number[], spec: VaeSpec) {
  return architectureNames.map((value) => {
    const { title, needs } = architectures[value];
    const disabled = presetSpec(value, shape, spec) === undefined;
    return { value, disabled, title: disabled && needs ? `${title} (needs ${needs})` : title };
  });
}

/** Decoders that end in an image have channels for the likelihood: a preset's are made anew. */
function changeLikelihood(likelihood: unknown): void {
  const { spec } = draft.peek();
  const name = spec && presetOf(spec);
  const changed = spec && { ...spec, likelihood: likelihood as VaeSpec['likelihood'] & object };
  edit((name && changed && presetSpec(name, spec.input, changed)) ?? { likelihood });
}

/** How large the draft is, and what of it the model that is shown does not have. */
function Difference() {
  const { value: shown } = model;
  const weights = draftWeights.value;
  const { spec } = draft.value;
  const parts = useMemo(() => {
    if (!shown || !spec) return [];
    const wanted = completeSpec(spec);
    const names = Object.keys({ ...wanted, ...shown.spec }) as (keyof typeof wanted)[];
    return names.filter((name) => JSON.stringify(wanted[name]) !== JSON.stringify(shown.spec[name]));
  }, [shown, spec]);
  return (
    <p class="faint" role="status">
      {problem.value
        ? 'Not used as long as it has an error.'
        : `${weights === undefined ? '…' : weights.toLocaleString('en')} weights. ${differenceText(parts)}`}
    </p>
  );
}

function differenceText(parts: readonly string[]): string {
  if (parts.length === 0) return 'The model that is shown is like this.';
  return `The model that is shown has another ${parts.join(', ')}; press Train from scratch to use this one.`;
}
