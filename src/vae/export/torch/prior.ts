/** p(z) as methods of the Python class: the same formulas as src/vae/priors, which name their sources. */
import { SpecError } from '../../../gpu/errors.js';
import { elementCount } from '../../../gpu/shape.js';
import type { VectorQuantizedSpec } from '../../posteriors/posterior-spec.js';
import type { CompleteSpec } from '../../spec.js';
import { network, type Module } from '../network.js';
import { sequential } from './modules.js';
import { indented } from './python.js';
import { codebookOf } from './quantized.js';

export interface PriorCode {
  /** Makes `self.prior`, where the family has weights. */
  readonly init?: string;
  readonly classes?: string;
  /** Modules of its own networks. */
  readonly modules?: readonly Module[];
  /** `log_prior(self, z)`, with the condition behind z where the model has one. */
  readonly logDensity: string;
  /** `sample_latents(self, count)`, or of a condition f32[B, C]. */
  readonly draw: string;
}

const exported = ['standard-normal', 'mixture', 'vamp', 'conditional', 'factorized'] as const;

/** @throws SpecError for a prior that has no Python yet */
export function priorCode(spec: CompleteSpec, hasOwnPrior: boolean): PriorCode {
  const { prior, latent, condition } = spec;
  const told = condition ? ', condition' : '';
  if (spec.posterior.type === 'vector-quantized' && hasOwnPrior)
    return uniformCodes(spec.posterior, latent, told);
  switch (prior.type) {
    case 'standard-normal':
      return standardNormal(told);
    case 'mixture':
      return mixture(prior.components, told);
    case 'vamp':
      return vamp(prior.pseudoInputs, elementCount(spec.input));
    case 'conditional':
      return conditional(prior.layers, condition!.classes, latent);
    case 'factorized':
      return factorized(told);
    case 'hierarchical':
      throw new SpecError(
        'spec.prior',
        `is hierarchical, which has no Python yet; exported are ${exported.join(', ')}; train with one of these to export the model`,
      );
  }
}

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

const standardNormal = (told: string): PriorCode => ({
  logDensity: `${densityHead(told)}
    return log_normal(z, torch.zeros_like(z), torch.zeros_like(z))
`,
  draw: `${drawHead(told)}
    return torch.randn(count, LATENT, device=device)
`,
});

const mixture = (components: number, told: string): PriorCode => ({
  init: `self.prior = nn.ParameterDict(
    {
        "logit": nn.Parameter(torch.zeros(${components})),
        "mean": nn.Parameter(torch.empty(${components}, LATENT).uniform_(-1, 1)),
        "log_variance": nn.Parameter(torch.zeros(${components}, LATENT)),
    }
)`,
  logDensity: `${densityHead(told)}
    densities = log_normal(z.unsqueeze(1), self.prior["mean"], self.prior["log_variance"])
    return torch.logsumexp(densities + F.log_softmax(self.prior["logit"], 0), 1)
`,
  draw: `${drawHead(told)}
    chosen = torch.multinomial(torch.softmax(self.prior["logit"], 0), count, replacement=True)
    deviation = torch.exp(self.prior["log_variance"][chosen].clamp(-30, 20) / 2)
    return self.prior["mean"][chosen] + deviation * torch.randn(count, LATENT, device=device)
`,
});

const vamp = (count: number, width: number): PriorCode => ({
  init: `self.prior = nn.ParameterDict({"pseudo_inputs": nn.Parameter(torch.rand(${count}, ${width}))})`,
  logDensity: `${densityHead('')}
    moments = self.encode(self.prior["pseudo_inputs"].reshape(-1, *DATA_SHAPE))
    return torch.logsumexp(self.log_q(z.unsqueeze(1), moments), 1) - math.log(${count})
`,
  draw: `${drawHead('')}
    chosen = torch.randint(${count}, (count,), device=device)
    moments = self.encode(self.prior["pseudo_inputs"][chosen].reshape(-1, *DATA_SHAPE))
    return self.draw(moments, torch.randn(count, LATENT, device=device))[0]
`,
});

function conditional(layers: Parameters<typeof network>[0], classes: number, latent: number): PriorCode {
  const { modules, shape } = network(layers, { shape: [classes] }, 'spec.prior.layers');
  const own = sequential(modules).replace(/^nn\.Sequential/, 'super().__init__');
  const flatten = shape.length === 3 ? '        self.flatten = nn.Flatten()\n' : '';
  return {
    modules,
    classes: `
class ConditionalPrior(nn.Sequential):
    """The moments of p(z | c) from a condition; a Sequential runs what it has in order, \`moments\` last."""

    def __init__(self):
${indented(own, 2)}
${flatten}        self.moments = nn.Linear(${elementCount(shape)}, ${2 * latent})
`,
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
    return mean + torch.exp(log_variance.clamp(-30, 20) / 2) * torch.randn(count, LATENT, device=device)
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
