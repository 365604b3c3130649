/** The vector-quantized posterior as methods of the Python class: src/vae/posteriors/vector-quantized.ts, codebook.ts. */
import { SMOOTHING } from '../../posteriors/codebook.js';
import type { VectorQuantizedSpec } from '../../posteriors/posterior-spec.js';
import type { PosteriorCode } from './posterior.js';

/** The codewords, f32[C, D], in Python. */
export const codebookOf = ({ codebook }: VectorQuantizedSpec): string =>
  codebook === 'ema' ? 'self.posterior.codewords()' : 'self.posterior["codebook"]';

export function quantized(spec: VectorQuantizedSpec): PosteriorCode {
  const { codes, dimension, commitment, decay } = spec;
  const shared = {
    noise: 'torch.randn(len(x), LATENT, device=x.device)',
    draw: draw(dimension, codebookOf(spec)),
  };
  if (spec.codebook === 'ema')
    return {
      ...shared,
      classes: moving,
      init: `self.posterior = MovingCodebook(${codes}, ${dimension}, decay=${decay})`,
      penalty: followed(dimension, commitment),
    };
  return {
    ...shared,
    init: `codebook = torch.empty(${codes}, ${dimension}).uniform_(-1 / ${codes}, 1 / ${codes})
self.posterior = nn.ParameterDict({"codebook": nn.Parameter(codebook)})`,
    penalty: learned(commitment),
  };
}

const draw = (dimension: number, codebook: string): string => `
def nearest(self, mean):
    """The place in the codebook of the codeword nearest to every ${dimension} latents, i64[B * groups]."""
    groups = mean.detach().reshape(-1, 1, ${dimension})
    return ((groups - ${codebook}.detach()) ** 2).sum(2).argmin(1)

def quantize(self, mean):
    """The nearest codeword of every ${dimension} latents, f32[B, K]."""
    return ${codebook}[self.nearest(mean)].reshape(mean.shape)

def draw(self, moments, noise):
    """Codewords, through which gradients pass as if nothing had been replaced; there is no noise, and log q is 0."""
    (mean,) = moments
    return mean + (self.quantize(mean) - mean).detach(), torch.zeros(len(mean), device=mean.device)
`;

const learned = (commitment: number): string => `
def penalty(self, moments):
    """The codebook's loss and the encoder's commitment to it, a mean over the batch."""
    (mean,) = moments
    codewords = self.quantize(mean)
    codebook = ((mean.detach() - codewords) ** 2).sum(1).mean()
    return codebook + ${commitment} * ((mean - codewords.detach()) ** 2).sum(1).mean()
`;

const followed = (dimension: number, commitment: number): string => `
def penalty(self, moments):
    """The encoder's commitment to the codebook, a mean over the batch, which in training moves the codebook."""
    (mean,) = moments
    committed = ${commitment} * ((mean - self.quantize(mean)) ** 2).sum(1).mean()
    if self.training:
        self.posterior.follow(self.nearest(mean), mean.detach().reshape(-1, ${dimension}))
    return committed
`;

/** Processes of a group count together, so that each has the averages of the whole batch. */
const moving = `
class MovingCodebook(nn.Module):
    """Codewords that are moving averages: how many rows of a batch are nearest to each, and their sum."""

    def __init__(self, codes, dimension, decay):
        super().__init__()
        self.decay = decay
        self.register_buffer("codebook_counts", torch.ones(codes))
        self.register_buffer("codebook_sums", torch.empty(codes, dimension).uniform_(-1 / codes, 1 / codes))

    def codewords(self):
        """f32[codes, dimension]; the counts are smoothed, so that one which nothing chooses has a value."""
        counts, total = self.codebook_counts, self.codebook_counts.sum()
        smoothed = (counts + ${SMOOTHING}) * total / (total + len(counts) * ${SMOOTHING})
        return self.codebook_sums / smoothed.unsqueeze(1)

    @torch.no_grad()
    def follow(self, nearest, rows):
        """Moves the averages towards rows f32[R, dimension] and the codewords i64[R] that are nearest to them."""
        chosen = F.one_hot(nearest, len(self.codebook_counts)).to(rows.dtype)
        counts, sums = chosen.sum(0), chosen.t() @ rows
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
            torch.distributed.all_reduce(sums)
        self.codebook_counts.lerp_(counts, 1 - self.decay)
        self.codebook_sums.lerp_(sums, 1 - self.decay)
`;
