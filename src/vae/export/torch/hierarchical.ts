/** A prior that is a VAE of z, as a Python class a level: src/vae/priors/hierarchical.ts. */
import type { HierarchicalSpec, PriorSpec } from '../../priors/prior-spec.js';
import { momentsClass } from './moments-class.js';
import type { PriorCode } from './prior.js';
import { indented, joined } from './python.js';

/** A level: its number from 1, the size of z as a number, and `, condition` where the model has one. */
export interface LevelSite {
  readonly level: number;
  readonly latent: number;
  readonly told: string;
}

/** @param inner the code of the prior above, whose methods become the level's */
export function hierarchical(
  { encoder, decoder, latent: above, prior }: HierarchicalSpec,
  { level, latent, told }: LevelSite,
  heads: { readonly density: (noise: string) => string; readonly draw: string },
  inner: (spec: PriorSpec, site: LevelSite) => PriorCode,
): PriorCode {
  const [posterior, generator, name] = [`Posterior${level}`, `Decoder${level}`, `Level${level}`];
  const up = momentsClass(posterior, `The moments of q(z${level + 1} | z${level})`, encoder, [latent, above]);
  const down = momentsClass(generator, `The moments of p(z${level} | z${level + 1})`, decoder, [
    above,
    latent,
  ]);
  const own = inner(prior, { level: level + 1, latent: above, told });
  const further = own.noiseWidth === undefined ? '' : `, noise[:, ${above}:]`;
  const init = [
    'super().__init__()',
    `self.posterior = ${posterior}()`,
    `self.decoder = ${generator}()`,
    ...(own.init ? [own.init] : []),
  ];
  const methods = joined(
    [
      `def __init__(self):\n${indented(init.join('\n'))}`,
      `
def bound(self, z, noise${told}):
    """log p(z) bounded below by one sample of the latent above, made of noise, in nats: f32[B]."""
    mean, log_variance = self.posterior(z).chunk(2, 1)
    own, log_variance = noise[:, :${above}], log_variance.clamp(-30, 20)
    above = mean + torch.exp(log_variance / 2) * own
    log_q = -0.5 * (own**2 + log_variance + LOG_2PI).sum(1)
    below = log_normal(z, *self.decoder(above).chunk(2, 1))
    return below + self.log_prior(above${further}${told}) - log_q
`,
      `
def below(self, above):
    """z of p(z | above), f32[B, ${latent}]."""
    mean, log_variance = self.decoder(above).chunk(2, 1)
    return mean + torch.exp(log_variance.clamp(-30, 20) / 2) * torch.randn_like(mean)
`,
      own.logDensity,
      own.draw,
    ],
    1,
  );
  return {
    init: `self.prior = ${name}()`,
    modules: [...up.modules, ...down.modules, ...(own.modules ?? [])],
    classes: joined(
      [
        own.classes ?? '',
        up.text,
        down.text,
        `class ${name}(nn.Module):\n    """z${level} f32[B, ${latent}] by a latent above, z${level + 1} f32[B, ${above}], which has a prior of its own."""\n\n${indented(methods)}`,
      ],
      2,
    ),
    noiseWidth: above + (own.noiseWidth ?? 0),
    logDensity: `${heads.density(', noise')}
    return self.prior.bound(z, noise${told})
`,
    draw: `${heads.draw}
    return self.prior.below(self.prior.sample_latents(${told ? 'condition' : 'count'}))
`,
  };
}
