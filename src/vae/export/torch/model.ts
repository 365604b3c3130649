/** model.py: a specification as a plain nn.Module whose state_dict has the names and shapes of our files. */
import { SpecError } from '../../../gpu/errors.js';
import type { Model } from '../../model.js';
import { momentColumns } from '../../posteriors/posterior.js';
import type { CompleteSpec } from '../../spec.js';
import { modelNetworks, type ModelNetworks } from '../model-networks.js';
import { likelihoodCode, type LikelihoodCode } from './likelihood.js';
import { helperClasses, sequential } from './modules.js';
import { posteriorCode, type PosteriorCode } from './posterior.js';
import { priorCode, type PriorCode } from './prior.js';
import { indented, joined, tuple } from './python.js';

interface Parts {
  readonly spec: CompleteSpec;
  readonly networks: ModelNetworks;
  /** Columns of the moments by name. */
  readonly moments: Readonly<Record<string, number>>;
  readonly posterior: PosteriorCode;
  readonly prior: PriorCode;
  readonly likelihood: LikelihoodCode;
  /** `, condition` where the model has one. */
  readonly told: string;
}

/** The text of model.py. @throws SpecError for what has no Python, naming it */
export function modelPython(model: Model): string {
  const { spec } = model;
  const parts: Parts = {
    spec,
    networks: modelNetworks(spec),
    moments: momentColumns(model.posterior, spec.latent),
    posterior: posteriorCode(spec.posterior, spec.latent),
    prior: priorCode(spec, model.posterior.prior !== undefined),
    likelihood: likelihoodCode(spec.likelihood, spec.input),
    told: spec.condition ? ', condition' : '',
  };
  checkSteady(parts);
  const { networks, prior, posterior } = parts;
  const modules = [...networks.encoder, ...networks.decoder, ...(prior.modules ?? [])];
  return `${joined(
    [
      header(parts),
      logNormal,
      ...helperClasses(modules),
      posterior.classes ?? '',
      prior.classes ?? '',
      vaeClass(parts),
      files,
    ],
    2,
  )}\n`;
}

/** A VampPrior runs the encoder on its own data, which ours does as in evaluation. */
function checkSteady({ spec, networks }: Parts): void {
  const unsteady = networks.encoder.find(({ type }) => type === 'batchNorm' || type === 'dropout');
  if (spec.prior.type === 'vamp' && unsteady)
    throw new SpecError(
      'spec.prior',
      `is vamp with a ${unsteady.type} in the encoder, which PyTorch would run in training mode on the pseudo-inputs; use layerNorm or groupNorm to export the model`,
    );
}

const spread = (shape: readonly number[]): string => shape.join(', ');

function header({ networks, spec, told }: Parts): string {
  const { datum, conditionWidth } = networks;
  const condition = told ? `\nA condition is a class, one-hot: f32[batch, ${conditionWidth}].` : '';
  return `
"""A variational autoencoder, written by webgpu-vae from its specification.

    from model import load
    model = load("model.safetensors")

Data are f32[batch, ${spread(datum)}]; terms are in nats per datum.${condition}
"""

import json
import math
import os
import struct

import torch
from torch import nn
from torch.nn import functional as F

DATA_SHAPE = ${tuple(datum)}
LATENT = ${spec.latent}
CLASSES = ${conditionWidth}
LOG_2PI = math.log(2 * math.pi)
`;
}

const logNormal = `
def log_normal(z, mean, log_variance):
    """log N(z; mean, exp(log_variance)) in nats, summed over the last axis."""
    log_variance = log_variance.clamp(-30, 20).expand_as(mean)
    return -0.5 * ((z - mean) ** 2 * torch.exp(-log_variance) + log_variance + LOG_2PI).sum(-1)
`;

function vaeClass(parts: Parts): string {
  const { posterior, prior, likelihood } = parts;
  const methods = [
    constructor(parts),
    encode(parts),
    posterior.draw,
    usesLogDensity(parts) ? (posterior.logDensity ?? '') : '',
    klMethod(parts),
    prior.logDensity,
    decode(parts),
    `
def mean_image(self, output):
    """What a picture shows: the mean of p(x | z) from what \`decode\` makes, or the most likely class."""
${indented(likelihood.mean)}
`,
    `
def log_likelihood(self, output, x):
    """log p(x | z) in nats, f32[B]."""
${indented(likelihood.elements)}
    return elements.flatten(1).sum(1)
`,
    elbo(parts),
    forward(parts),
    posterior.penalty ?? '',
    sample(parts),
    prior.draw,
  ];
  return `class Vae(nn.Module):\n${indented(joined(methods, 1))}\n`;
}

function constructor({ networks, moments, posterior, prior, likelihood }: Parts): string {
  const { encoder, decoder, features } = networks;
  const heads = Object.entries(moments).map(
    ([name, units]) => `self.${name} = nn.Linear(${features}, ${units})`,
  );
  const own = [posterior.init, prior.init, likelihood.init].flatMap((line) => line ?? []);
  const lines = [
    'super().__init__()',
    `self.encoder = ${sequential(encoder)}`,
    ...heads,
    `self.decoder = ${sequential(decoder)}`,
    ...own,
  ];
  return `def __init__(self):\n${indented(lines.join('\n'))}`;
}

/** Data and condition as the encoder's first layer takes them. */
function encoderInput({ networks, told }: Parts): string {
  const { takesImages, datum } = networks;
  if (!told) return takesImages ? 'x' : 'x.flatten(1)';
  if (takesImages)
    return `torch.cat([x, condition[:, :, None, None].expand(-1, -1, ${datum[1]}, ${datum[2]})], 1)`;
  // with a condition beside them, data lie in our order of (row, column, channel)
  const flat = datum.length === 3 ? 'x.movedim(1, -1).flatten(1)' : 'x.flatten(1)';
  return `torch.cat([${flat}, condition], 1)`;
}

function encode(parts: Parts): string {
  const names = Object.keys(parts.moments);
  const made = names.map((name) => `self.${name}(hidden)`);
  return `
def encode(self, x${parts.told}):
    """The moments of q(z | x), f32[B, columns] each: ${names.join(', ')}."""
    hidden = self.encoder(${encoderInput(parts)}).flatten(1)
    return ${made.length === 1 ? `(${made[0]},)` : made.join(', ')}
`;
}

function decode({ networks, likelihood, told }: Parts): string {
  const { datum, outputsPerElement: count } = networks;
  const z = told ? 'torch.cat([z, condition], 1)' : 'z';
  const [channels, ...rest] = datum;
  const [shape, reshape] =
    count === 1
      ? [datum, '.reshape(-1, *DATA_SHAPE)']
      : [[...datum, count], `.reshape(-1, ${spread([channels!, count, ...rest])}).movedim(2, -1)`];
  return `
def decode(self, z${told}):
    """z f32[B, K] -> ${likelihood.parameters}, f32[B, ${spread(shape)}]."""
    return self.decoder(${z})${reshape}
`;
}

/** How the KL is had: in closed form where there is one, else from the sample. */
function klKind({ spec, posterior }: Parts): 'none' | 'normal' | 'diagonal' | 'sample' {
  if (spec.posterior.type === 'deterministic') return 'none';
  if (spec.prior.type === 'standard-normal' && posterior.kl) return 'normal';
  if (spec.prior.type === 'conditional' && posterior.klToDiagonal) return 'diagonal';
  return 'sample';
}

function klMethod(parts: Parts): string {
  const kind = klKind(parts);
  const { kl = '', klToDiagonal = '' } = parts.posterior;
  return kind === 'normal' ? kl : kind === 'diagonal' ? klToDiagonal : '';
}

const usesLogDensity = ({ spec }: Parts): boolean => spec.prior.type === 'vamp';

function elbo(parts: Parts): string {
  const { told, prior, spec } = parts;
  const given = told ? ', condition' : '';
  const further = prior.noiseWidth ?? 0;
  const kl = {
    none: 'torch.zeros(len(x), device=x.device)',
    normal: 'self.kl(moments)',
    diagonal: 'self.kl(moments, *self.prior_moments(condition))',
    sample: `log_q - self.log_prior(z${further ? ', noise[:, LATENT:]' : ''}${given})`,
  }[klKind(parts)];
  const drawn = klKind(parts) === 'sample' ? 'z, log_q' : 'z, _';
  const head = `def elbo(self, x${given}, noise=None):
    """log p(x | z) and the KL of one sample of z, made of noise f32[B, ${further ? spec.latent + further : 'K'}], in nats: f32[B] each."""
    moments = self.encode(x${given})`;
  const ofZ = parts.posterior.noise;
  const made = further ? `torch.cat([${ofZ}, torch.randn(len(x), ${further}, device=x.device)], 1)` : ofZ;
  const body = `noise = ${made} if noise is None else noise
    ${drawn} = self.draw(moments, ${further ? 'noise[:, :LATENT]' : 'noise'})
    return self.log_likelihood(self.decode(z${given}), x), ${kl}`;
  if (!parts.posterior.penalty) return `${head}\n    ${body}`;
  return `
${head}
    return self.terms(x${given}, moments, noise)

def terms(self, x${given}, moments, noise=None):
    """As \`elbo\`, of moments that \`encode\` made."""
    ${body}
`;
}

function forward({ told, posterior }: Parts): string {
  const terms = posterior.penalty
    ? `moments = self.encode(x${told})
    reconstruction, kl = self.terms(x${told}, moments)
    loss = (beta * kl - reconstruction).mean() + self.penalty(moments)`
    : `reconstruction, kl = self.elbo(x${told})
    loss = (beta * kl - reconstruction).mean()`;
  return `
def forward(self, x${told}, beta=1.0):
    """What training minimises, and the means of both terms; DistributedDataParallel wants it to be \`forward\`."""
    ${terms}
    return loss, reconstruction.mean(), kl.mean()
`;
}

function sample({ told }: Parts): string {
  const [argument, decoded] = told ? ['condition', 'z, condition'] : ['count', 'z'];
  return `
@torch.no_grad()
def sample(self, ${argument}):
    """Pictures of z from p(z)${told ? ', one for each row of condition f32[B, C]' : ''}."""
    z = self.sample_latents(${argument})
    return self.mean_image(self.decode(${decoded}))
`;
}

/** Reading and writing safetensors, with the package where it is installed. */
const files = `
def read_safetensors(path):
    """Tensors by name, and the metadata. The package safetensors does the same; this needs nothing installed."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header, body = json.loads(file.read(size)), file.read()
    metadata = header.pop("__metadata__", {})
    dtypes = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
    tensors = {
        name: torch.frombuffer(
            bytearray(body[slice(*entry["data_offsets"])]), dtype=dtypes[entry["dtype"]], count=math.prod(entry["shape"])
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    """Whole or not at all; \`metadata\` is kept, and says that there is no digest, so that webgpu-vae loads the file."""
    header = {"__metadata__": {**metadata, "sha256": "none"}}
    parts, end = [], 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().float().contiguous()
        parts.append(tensor.numpy().tobytes())
        start, end = end, end + len(parts[-1])
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{path}.tmp", "wb") as file:
        file.write(b"".join([struct.pack("<Q", len(text)), text, *parts]))
    os.replace(f"{path}.tmp", path)


def load(path="model.safetensors"):
    """The model with the weights of a file, whose names must be exactly its own."""
    try:
        from safetensors.torch import load_file

        tensors = load_file(path)
    except ImportError:
        tensors, _ = read_safetensors(path)
    model = Vae()
    model.load_state_dict(tensors, strict=True)
    return model.eval()
`;
