/** q(z | x) as methods of the Python class: the same formulas as src/vae/posteriors, which name their sources. */
import type { PosteriorSpec } from '../../posteriors/posterior-spec.js';
import { quantized } from './quantized.js';

export interface PosteriorCode {
  /** Classes that stand before the model's. */
  readonly classes?: string;
  /** Makes `self.posterior`, where the family has weights of its own. */
  readonly init?: string;
  /** `draw(self, moments, noise)` -> z and log q(z | x). */
  readonly draw: string;
  /** `log_q(self, z, moments)` of any z. */
  readonly logDensity?: string;
  /** `kl(self, moments)` to N(0, I). */
  readonly kl?: string;
  /** `kl(self, moments, prior_mean, prior_log_variance)`. */
  readonly klToDiagonal?: string;
  /** What training adds to the loss: `penalty(self, moments)`. */
  readonly penalty?: string;
  /** Python that makes a batch's noise. */
  readonly noise: string;
}

const normalNoise = 'torch.randn(len(x), LATENT, device=x.device)';

export function posteriorCode(spec: PosteriorSpec, latent: number): PosteriorCode {
  switch (spec.type) {
    case 'diagonal':
    case 'isotropic':
      return diagonal;
    case 'full':
      return latent === 1 ? diagonal : full;
    case 'deterministic':
      return deterministic;
    case 'uniform':
      return uniform;
    case 'planar':
      return { noise: normalNoise, draw: planar(spec.steps) };
    case 'radial':
      return { noise: normalNoise, draw: radial(spec.steps) };
    case 'iaf':
      return {
        noise: normalNoise,
        classes: autoregressive,
        init: `self.posterior = nn.ModuleList(
    Autoregressive(LATENT, ${spec.units}, ${spec.context}, is_reversed=step % 2 == 1) for step in range(${spec.steps})
)`,
        draw: iaf,
      };
    case 'vector-quantized':
      return quantized(spec);
  }
}

const drawHead = `
def draw(self, moments, noise):
    """z of q(z | x) made of noise f32[B, K], and log q(z | x) in nats, f32[B]."""`;

/** The draw of a diagonal Gaussian; flows begin with it. */
const drawDiagonal = `    log_variance = log_variance.clamp(-30, 20).expand_as(mean)
    z = mean + torch.exp(log_variance / 2) * noise
    log_q = -0.5 * (noise**2 + log_variance + LOG_2PI).sum(1)`;

const klHead = `
def kl(self, moments):
    """KL(q || N(0, I)) in nats, f32[B]."""`;
const klToDiagonalHead = `
def kl(self, moments, prior_mean, prior_log_variance):
    """KL(q || p) to a diagonal Gaussian in nats, f32[B]."""`;

const diagonal: PosteriorCode = {
  noise: normalNoise,
  draw: `${drawHead}
    mean, log_variance = moments
${drawDiagonal}
    return z, log_q
`,
  logDensity: `
def log_q(self, z, moments):
    """log q(z | x) of any z, in nats."""
    return log_normal(z, *moments)
`,
  kl: `${klHead}
    mean, log_variance = moments
    log_variance = log_variance.clamp(-30, 20).expand_as(mean)
    return 0.5 * (torch.expm1(log_variance) - log_variance + mean**2).sum(1)
`,
  klToDiagonal: `${klToDiagonalHead}
    mean, log_variance = moments
    log_variance = log_variance.clamp(-30, 20).expand_as(mean)
    prior_log_variance = prior_log_variance.clamp(-30, 20)
    gap = log_variance - prior_log_variance
    squared = (mean - prior_mean) ** 2 / torch.exp(prior_log_variance)
    return 0.5 * (torch.expm1(gap) - gap + squared).sum(1)
`,
};

const full: PosteriorCode = {
  noise: normalNoise,
  draw: `
def triangular(self, moments):
    """The factor L of the covariance L L', f32[B, K, K]."""
    _, log_variance, lower = moments
    factor = torch.diag_embed(torch.exp(log_variance.clamp(-30, 20) / 2))
    rows, columns = torch.tril_indices(LATENT, LATENT, -1)
    factor[:, rows, columns] = lower
    return factor
${drawHead}
    mean, log_variance, _ = moments
    z = mean + (self.triangular(moments) @ noise.unsqueeze(2)).squeeze(2)
    return z, -0.5 * (noise**2 + log_variance.clamp(-30, 20) + LOG_2PI).sum(1)
`,
  logDensity: `
def log_q(self, z, moments):
    """log q(z | x) of any z, in nats."""
    mean, log_variance, _ = moments
    away = (z - mean).unsqueeze(-1)
    noise = torch.linalg.solve_triangular(self.triangular(moments), away, upper=False).squeeze(-1)
    return -0.5 * (noise**2 + log_variance.clamp(-30, 20) + LOG_2PI).sum(-1)
`,
  kl: `${klHead}
    mean, log_variance, lower = moments
    log_variance = log_variance.clamp(-30, 20)
    return 0.5 * ((torch.expm1(log_variance) - log_variance + mean**2).sum(1) + (lower**2).sum(1))
`,
  klToDiagonal: `${klToDiagonalHead}
    mean, log_variance, _ = moments
    prior_log_variance = prior_log_variance.clamp(-30, 20)
    variance = (self.triangular(moments) ** 2).sum(2)
    moved = (variance + (mean - prior_mean) ** 2) / torch.exp(prior_log_variance)
    return 0.5 * (prior_log_variance - log_variance.clamp(-30, 20) - 1 + moved).sum(1)
`,
};

const deterministic: PosteriorCode = {
  noise: normalNoise,
  draw: `
def draw(self, moments, noise):
    """The mean: there is no noise, no density and no KL."""
    (mean,) = moments
    return mean, torch.zeros(len(mean), device=mean.device)
`,
};

const uniform: PosteriorCode = {
  noise: 'torch.rand(len(x), LATENT, device=x.device) - 0.5',
  draw: `
def draw(self, moments, noise):
    """The mean moved by noise f32[B, K] in [-1/2, 1/2], which stands for rounding; log q is 0."""
    (mean,) = moments
    return mean + noise, torch.zeros(len(mean), device=mean.device)
`,
};

const planar = (steps: number): string => `${drawHead}
    mean, log_variance, flow = moments
${drawDiagonal}
    u, w, b = flow.reshape(len(z), ${steps}, -1).split((LATENT, LATENT, 1), 2)
    along = (w * u).sum(2, keepdim=True)
    bounded = F.softplus(along + math.log(math.e - 1)) - 1
    u = u + (bounded - along) / ((w * w).sum(2, keepdim=True) + 1e-12) * w
    for step in range(${steps}):
        h = torch.tanh((w[:, step] * z).sum(1, keepdim=True) + b[:, step])
        z = z + u[:, step] * h
        log_q = log_q - torch.log(1 + (1 - h**2) * bounded[:, step]).squeeze(1)
    return z, log_q
`;

const radial = (steps: number): string => `${drawHead}
    mean, log_variance, flow = moments
${drawDiagonal}
    centre, a, b = flow.reshape(len(z), ${steps}, -1).split((LATENT, 1, 1), 2)
    alpha = F.softplus(a)
    beta = F.softplus(a + b) - alpha
    for step in range(${steps}):
        away = z - centre[:, step]
        h = 1 / (alpha[:, step] + torch.sqrt((away**2).sum(1, keepdim=True) + 1e-12))
        pull = beta[:, step] * h
        z = z + pull * away
        stretch = (LATENT - 1) * torch.log(1 + pull) + torch.log(1 + pull * alpha[:, step] * h)
        log_q = log_q - stretch.squeeze(1)
    return z, log_q
`;

const autoregressive = `
class Autoregressive(nn.Module):
    """One step of an inverse autoregressive flow: dense layers times masks (MADE)."""

    def __init__(self, latent, units, context, is_reversed):
        super().__init__()
        self.hidden = nn.Linear(latent + context, units)
        self.a = nn.Linear(units, latent)
        self.gate = nn.Linear(units, latent)
        place = torch.arange(latent)
        place = place.flip(0) if is_reversed else place
        degree = torch.div(torch.arange(units) * latent, units, rounding_mode="floor")
        sees = torch.cat([place[None] < degree[:, None], torch.ones(units, context, dtype=torch.bool)], 1)
        seen = degree[None] <= place[:, None]
        self.register_buffer("sees", sees.float(), persistent=False)
        self.register_buffer("seen", seen.float(), persistent=False)

    def forward(self, z, context):
        told = torch.cat([z, context], 1)
        h = torch.tanh(F.linear(told, self.hidden.weight * self.sees, self.hidden.bias))
        logits = F.linear(h, self.gate.weight * self.seen, self.gate.bias) + 2
        return logits, F.linear(h, self.a.weight * self.seen, self.a.bias)
`;

const iaf = `${drawHead}
    mean, log_variance, context = moments
${drawDiagonal}
    for network in self.posterior:
        logits, a = network(z, context)
        z = a + torch.sigmoid(logits) * (z - a)
        log_q = log_q + F.softplus(-logits).sum(1)
    return z, log_q
`;
