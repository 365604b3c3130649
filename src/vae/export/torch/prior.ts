/** p(z) as methods of the Python class: the same formulas as src/vae/priors, which name their sources. */
import { elementCount } from '../../../gpu/shape.js';
import type { VectorQuantizedSpec } from '../../posteriors/posterior-spec.js';
import type { CompleteSpec } from '../../spec.js';
import type { PriorSpec } from '../../priors/prior-spec.js';
import type { Module } from '../network.js';
import { hierarchical, type LevelSite } from './hierarchical.js';
import { momentsClass } from './moments-class.js';
import { codebookOf } from './quantized.js';

export interface PriorCode {
  /** Makes `self.prior`, where the family has weights. */
  readonly init?: string;
  readonly classes?: string;
  /** Modules of its own networks. */
  readonly modules?: readonly Module[];
  /** Columns of noise that the density takes behind those of z, where it is a bound by samples. */
  readonly noiseWidth?: number;
  /** `log_prior(self, z)`, with noise and the condition behind z where there are such. */
  readonly logDensity: string;
  /** `sample_latents(self, count)`, or of a condition f32[B, C]. */
  readonly draw: string;
}

/** Where a prior stands: of the model's latent, level 1, or of one above. */
interface PriorSite extends LevelSite {
  /** The size of its z in Python. */
  readonly size: string;
  readonly classes: number;
  /** Numbers of a pseudo-input, and the moments of pseudo-inputs, their density and a draw of them in Python. */
  readonly vamp: VampSite;
}

interface VampSite {
  readonly width: number;
  readonly moments: (data: string) => string;
  readonly density: string;
  readonly draw: string;
}

export function priorCode(spec: CompleteSpec, hasOwnPrior: boolean): PriorCode {
  const { prior, latent, condition } = spec;
  const told = condition ? ', condition' : '';
  if (spec.posterior.type === 'vector-quantized' && hasOwnPrior)
    return uniformCodes(spec.posterior, latent, told);
  const vamp: VampSite = {
    width: elementCount(spec.input),
    moments: (data) => `self.encode(${data}.reshape(-1, *DATA_SHAPE))`,
    density: 'self.log_q(z.unsqueeze(1), moments)',
    draw: 'self.draw(moments, torch.randn(count, LATENT, device=device))[0]',
  };
  return codeOf(prior, { level: 1, latent, size: 'LATENT', told, classes: condition?.classes ?? 0, vamp });
}

function codeOf(prior: PriorSpec, site: PriorSite): PriorCode {
  const { told, size } = site;
  switch (prior.type) {
    case 'standard-normal':
      return standardNormal(told, size);
    case 'mixture':
      return mixture(prior.components, told, size);
    case 'vamp':
      return vamp(prior.pseudoInputs, site.vamp);
    case 'conditional':
      return conditional(prior.layers, site);
    case 'factorized':
      return factorized(told);
    case 'hierarchical': {
      const heads = { density: (noise: string) => densityHead(noise + told), draw: drawHead(told) };
      return hierarchical(prior, site, heads, (inner, at) =>
        codeOf(inner, {
          ...at,
          size: String(at.latent),
          classes: site.classes,
          vamp: vampOf(site.latent, at),
        }),
      );
    }
  }
}

/** A VampPrior above: its data are z of the level below. */
const vampOf = (width: number, { latent }: LevelSite): VampSite => ({
  width,
  moments: (data) => `self.posterior(${data}).chunk(2, 1)`,
  density: 'log_normal(z.unsqueeze(1), *moments)',
  draw: `moments[0] + torch.exp(moments[1].clamp(-30, 20) / 2) * torch.randn(count, ${latent}, device=device)`,
});

/** Samples of a conditional model are asked for by condition, those of others by count. */
const drawHead = (told: string): string =>
  told
    ? `
def sample_latents(self, condition):
    """z of p(z), one for each row of condition f32[B, C]: f32[B, K]."""
    count, device = len(condition), condition.device`
    : `
def sample_latents(self, count):
    """z of p(z), f32[count, K]."""
    device = next(self.parameters()).device`;

const densityHead = (told: string): string => `
def log_prior(self, z${told}):
    """log p(z${told && ' | c'}) in nats, f32[B]."""`;

const standardNormal = (told: string, size: string): PriorCode => ({
  logDensity: `${densityHead(told)}
    return log_normal(z, torch.zeros_like(z), torch.zeros_like(z))
`,
  draw: `${drawHead(told)}
    return torch.randn(count, ${size}, device=device)
`,
});

const mixture = (components: number, told: string, size: string): PriorCode => ({
  init: `self.prior = nn.ParameterDict(
    {
        "logit": nn.Parameter(torch.zeros(${components})),
        "mean": nn.Parameter(torch.empty(${components}, ${size}).uniform_(-1, 1)),
        "log_variance": nn.Parameter(torch.zeros(${components}, ${size})),
    }
)`,
  logDensity: `${densityHead(told)}
    densities = log_normal(z.unsqueeze(1), self.prior["mean"], self.prior["log_variance"])
    return torch.logsumexp(densities + F.log_softmax(self.prior["logit"], 0), 1)
`,
  draw: `${drawHead(told)}
    chosen = torch.multinomial(torch.softmax(self.prior["logit"], 0), count, replacement=True)
    deviation = torch.exp(self.prior["log_variance"][chosen].clamp(-30, 20) / 2)
    return self.prior["mean"][chosen] + deviation * torch.randn(count, ${size}, device=device)
`,
});

const vamp = (count: number, { width, moments, density, draw }: VampSite): PriorCode => ({
  init: `self.prior = nn.ParameterDict({"pseudo_inputs": nn.Parameter(torch.rand(${count}, ${width}))})`,
  logDensity: `${densityHead('')}
    moments = ${moments('self.prior["pseudo_inputs"]')}
    return torch.logsumexp(${density}, 1) - math.log(${count})
`,
  draw: `${drawHead('')}
    chosen = torch.randint(${count}, (count,), device=device)
    moments = ${moments('self.prior["pseudo_inputs"][chosen]')}
    return ${draw}
`,
});

function conditional(
  layers: Parameters<typeof momentsClass>[2],
  { classes, latent, size }: PriorSite,
): PriorCode {
  const words = 'The moments of p(z | c) from a condition';
  const { text, modules } = momentsClass('ConditionalPrior', words, layers, [classes, latent]);
  return {
    modules,
    classes: text,
    init: 'self.prior = ConditionalPrior()',
    logDensity: `
def prior_moments(self, condition):
    """Mean and log-variance of p(z | c), f32[B, K] each."""
    return self.prior(condition).chunk(2, 1)
${densityHead(', condition')}
    return log_normal(z, *self.prior_moments(condition))
`,
    draw: `${drawHead(', condition')}
    mean, log_variance = self.prior_moments(condition)
    return mean + torch.exp(log_variance.clamp(-30, 20) / 2) * torch.randn(count, ${size}, device=device)
`,
  };
}

const factorized = (told: string): PriorCode => ({
  init: `self.prior = nn.ModuleList(
    nn.ParameterDict(
        {
            "mean": nn.Parameter(torch.full((LATENT,), start)),
            "log_scale": nn.Parameter(torch.zeros(LATENT)),
            "logit": nn.Parameter(torch.zeros(LATENT)),
        }
    )
    for start in (-2.0, 0.0, 2.0)
)`,
  logDensity: `
def logistics(self):
    """Means, scales and logits of the logistics of every latent, f32[3, K] each."""
    together = lambda name: torch.stack([part[name] for part in self.prior])
    return together("mean"), torch.exp(together("log_scale").clamp(-4.6, 6.9)), together("logit")
${densityHead(told)}
    mean, scale, logit = self.logistics()
    centred = z.unsqueeze(1) - mean
    sides = F.softplus(-(centred + 0.5) / scale) + F.softplus((centred - 0.5) / scale)
    masses = torch.log(-torch.expm1(-1 / scale)) - sides
    return torch.logsumexp(masses + F.log_softmax(logit, 0), 1).sum(1)
`,
  draw: `${drawHead(told)}
    mean, scale, logit = self.logistics()
    chosen = torch.distributions.Categorical(logits=logit.t()).sample((count,))
    of_chosen = lambda part: part.t().expand(count, -1, -1).gather(2, chosen.unsqueeze(2)).squeeze(2)
    u = torch.rand(count, LATENT, device=device).clamp(1e-6, 1 - 1e-6)
    return of_chosen(mean) + of_chosen(scale) * torch.logit(u)
`,
});

function uniformCodes(spec: VectorQuantizedSpec, latent: number, told: string): PriorCode {
  const { codes, dimension } = spec;
  const groups = latent / dimension;
  return {
    logDensity: `${densityHead(told)}
    return torch.full((len(z),), -${groups} * math.log(${codes}), device=z.device)
`,
    draw: `${drawHead(told)}
    chosen = torch.randint(${codes}, (count * ${groups},), device=device)
    return ${codebookOf(spec)}[chosen].reshape(count, LATENT)
`,
  };
}
