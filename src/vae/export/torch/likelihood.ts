/** p(x | z) as methods of the Python class: the same formulas as src/vae/likelihoods, which name their sources. */
import { elementCount } from '../../../gpu/shape.js';
import type { LikelihoodSpec, ScaleSpec } from '../../likelihoods/likelihood-spec.js';

export interface LikelihoodCode {
  /** What the decoder's numbers are. */
  readonly parameters: string;
  /** Makes `self.likelihood`, where something is learned. */
  readonly init?: string;
  /** The lines of `log_likelihood(self, output, x)` that make log p of every element. */
  readonly elements: string;
  /** The lines of `mean_image(self, output)`. */
  readonly mean: string;
}

/** `input`: the shape of a datum. */
export function likelihoodCode(spec: LikelihoodSpec, input: readonly number[]): LikelihoodCode {
  switch (spec.type) {
    case 'bernoulli':
      return {
        parameters: 'logits',
        elements: 'elements = -F.binary_cross_entropy_with_logits(output, x, reduction="none")',
        mean: 'return torch.sigmoid(output)',
      };
    case 'gaussian':
      return spec.scale === 'decoder' ? gaussianOfDecoder : gaussian(spec.scale, input);
    case 'laplace':
      return laplace(spec.scale, input);
    case 'categorical':
      return {
        parameters: 'logits of the classes',
        elements: `log_shares = F.log_softmax(output, -1)
elements = log_shares.gather(-1, x.long().unsqueeze(-1))`,
        mean: 'return output.argmax(-1).float()',
      };
    case 'discretized-logistic-mixture':
      return logisticMixture(spec.components);
    case 'negative-binomial':
      return negativeBinomial(spec.mean, input);
    case 'beta-binomial':
      return betaBinomial;
  }
}

/** Python of a log scale, and the parameter where it is learned. */
function scaleOf(scale: ScaleSpec, power: 1 | 2, input: readonly number[]): { init?: string; value: string } {
  if (typeof scale === 'number') return { value: `torch.tensor(${power} * math.log(${scale}))` };
  const name = power === 2 ? 'log_variance' : 'log_scale';
  const count = scale === 'learned' ? 1 : elementCount(input);
  return {
    init: parameter(name, count),
    value: `self.likelihood["${name}"]${scale === 'per-pixel' ? '.reshape(DATA_SHAPE)' : ''}`,
  };
}

const parameter = (name: string, count: number): string =>
  `self.likelihood = nn.ParameterDict({"${name}": nn.Parameter(torch.zeros(${count}))})`;

function gaussian(scale: ScaleSpec, input: readonly number[]): LikelihoodCode {
  const { value, ...made } = scaleOf(scale, 2, input);
  return {
    ...made,
    parameters: 'means',
    elements: `log_variance = ${value}
elements = -0.5 * ((x - output) ** 2 * torch.exp(-log_variance) + log_variance + LOG_2PI)`,
    mean: 'return output',
  };
}

function laplace(scale: ScaleSpec, input: readonly number[]): LikelihoodCode {
  const { value, ...made } = scaleOf(scale, 1, input);
  return {
    ...made,
    parameters: 'means',
    elements: `log_scale = ${value}
elements = -((x - output).abs() * torch.exp(-log_scale) + log_scale + math.log(2))`,
    mean: 'return output',
  };
}

const gaussianOfDecoder: LikelihoodCode = {
  parameters: 'means and log-variances',
  elements: `mean, log_variance = output[..., 0], output[..., 1].clamp(-14, 14)
elements = -0.5 * ((x - mean) ** 2 * torch.exp(-log_variance) + log_variance + LOG_2PI)`,
  mean: 'return output[..., 0]',
};

function logisticMixture(count: number): LikelihoodCode {
  const isMixture = count > 1;
  const split = isMixture
    ? `logits, mean, log_scale = output.split(${count}, -1)`
    : 'mean, log_scale = output.split(1, -1)';
  return {
    parameters: `${isMixture ? 'logits, ' : ''}means and log scales of logistics`,
    elements: `${split}
inverse = torch.exp(-log_scale.clamp(-7, 20))
x = x.unsqueeze(-1)
centred = 2 * x - 1 - mean
above = F.softplus(-inverse * (centred + 1 / 255))
below = F.softplus(inverse * (centred - 1 / 255))
has_above, has_below = (x < 1 - 0.5 / 255).float(), (x > 0.5 / 255).float()
share = torch.log(-torch.expm1(-2 / 255 * inverse))
elements = share * has_above * has_below - above * has_above - below * has_below${
      isMixture ? '\nelements = torch.logsumexp(elements + F.log_softmax(logits, -1), -1)' : ''
    }`,
    mean: `${split}
mean = ${isMixture ? '(torch.softmax(logits, -1) * mean).sum(-1)' : 'mean.squeeze(-1)'}
return ((mean + 1) / 2).clamp(0, 1)`,
  };
}

function negativeBinomial(link: 'exp' | 'softplus', input: readonly number[]): LikelihoodCode {
  const isExp = link === 'exp';
  const mean = isExp ? 'torch.exp(output.clamp(-20, 20))' : 'F.softplus(output.clamp(min=-60))';
  return {
    parameters: isExp ? 'logarithms of means' : 'means before a softplus',
    init: parameter('log_dispersion', elementCount(input)),
    elements: `log_mean = ${isExp ? 'output.clamp(-20, 20)' : `torch.log(${mean})`}
log_dispersion = self.likelihood["log_dispersion"].clamp(-8, 8).reshape(DATA_SHAPE)
dispersion = torch.exp(log_dispersion)
ways = torch.lgamma(x + dispersion) - torch.lgamma(dispersion) - torch.lgamma(x + 1)
stay = dispersion * F.softplus(log_mean - log_dispersion)
elements = ways - stay - x * F.softplus(log_dispersion - log_mean)`,
    mean: `return ${mean}`,
  };
}

const betaBinomial: LikelihoodCode = {
  parameters: 'logarithms of alpha and beta',
  elements: `log_beta = lambda a, b: torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
alpha, beta = torch.exp(output.clamp(-6, 6)).unbind(-1)
hits, misses = 255 * x, 255 - 255 * x
choices = -log_beta(hits + 1, misses + 1) - math.log(256)
elements = log_beta(hits + alpha, misses + beta) - log_beta(alpha, beta) + choices`,
  mean: `log_alpha, log_beta = output.clamp(-6, 6).unbind(-1)
return torch.sigmoid(log_alpha - log_beta)`,
};
