/** Live numbers for the texts: `<Live of="kl" />` shows the last step's KL. */
import { latestTerms, latestValidation, model, settings } from '../state.js';

const values = {
  elbo: () => latestTerms.value?.elbo,
  reconstruction: () => latestTerms.value?.reconstruction,
  kl: () => latestTerms.value?.kl,
  heldOutKl: () => latestValidation.value?.kl,
  distortion: () => (latestTerms.value ? -latestTerms.value.reconstruction : undefined),
  beta: () => settings.value.beta,
  latent: () => model.value?.spec.latent,
  parameters: () => model.value?.parameterCount,
} as const;

export function Live({
  of: name,
  digits = 2,
}: {
  readonly of: keyof typeof values;
  readonly digits?: number;
}) {
  const value = values[name]();
  return (
    <output class="number" aria-live="off">
      {value === undefined ? '…' : value.toLocaleString('en', { maximumFractionDigits: digits })}
    </output>
  );
}
