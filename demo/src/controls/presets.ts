/** Architectures by name: the page's own, which loads at once, and the library's. */
import { completeSpec, presets, SpecError, type PresetName, type VaeSpec } from 'webgpu-vae';
import { pretrainedSpec } from '../pretrained-spec.js';

export type Architecture = 'small' | PresetName;

interface Facts {
  readonly title: string;
  /** What images must be for it. */
  readonly needs?: string;
}

export const architectures: Readonly<Record<Architecture, Facts>> = {
  small: { title: 'Small dense' },
  dense: { title: 'Dense, 400 units' },
  conv: { title: 'Convolutions', needs: 'sides that are multiples of 4' },
  'conv-residual': { title: 'Residual convolutions', needs: 'sides that are multiples of 4' },
  'world-models': { title: 'World Models', needs: 'images of 64 × 64' },
};
export const architectureNames = Object.keys(architectures) as Architecture[];

/** The networks of an architecture for images of this shape, with all else as in `spec`; undefined where they do not fit. */
export function presetSpec(
  name: Architecture,
  shape: readonly number[],
  spec: Omit<VaeSpec, 'encoder' | 'decoder'>,
): VaeSpec | undefined {
  const { latent, likelihood } = spec;
  const options = { input: shape, latent, ...(likelihood && { likelihood }) };
  try {
    const { input, encoder, decoder } =
      name === 'small' ? { ...pretrainedSpec, ...options } : presets[name](options);
    return { ...spec, input, encoder, decoder };
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

/** The architecture that a right specification has, if it is one of these. */
export function presetOf(spec: VaeSpec): Architecture | undefined {
  const networks = networksOf(spec);
  return architectureNames.find((name) => {
    const made = presetSpec(name, spec.input, spec);
    return made && networksOf(made) === networks;
  });
}

function networksOf(spec: VaeSpec): string {
  const { encoder, decoder } = completeSpec(spec);
  return JSON.stringify([encoder, decoder]);
}
