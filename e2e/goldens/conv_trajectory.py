"""Golden training runs of convolutional VAEs: 50 Adam steps on 14x14 images in PyTorch, float64.

Writes conv-trajectory.json beside itself. Data, noise and initial weights follow formulas that conv-trajectory.ts
repeats, so only losses, checksums and running statistics are stored. The two models have, between them, strided and
asymmetrically padded convolutions, deconvolutions as Conv2d and PixelShuffle, GroupNorm, BatchNorm, residual blocks
with and without a shortcut, and upsampling.

Run: python3 e2e/goldens/conv_trajectory.py   (needs numpy and torch; made with Debian 12's python3-torch)
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from trajectory import fnv1a, normal, to_float32, uniform

sys.path.append(str(Path(__file__).parent.parent))
from pytorch.modules import Vae  # noqa: E402

FORMAT = 1
STEPS, BATCH, SIDE = 50, 16, 14
LEARNING_RATE, SCALE = 3e-3, 0.5
NOISE_SEED = (2015, 0)
WEIGHT_SEED = (2015, 1)


def conv(channels, kernel, **options):
    return {"type": "conv", "channels": channels, "kernel": kernel, **options}


SPECS = {
    "deconvolution": {
        "input": [SIDE, SIDE, 1],
        "latent": 4,
        "encoder": [
            conv(8, 4, stride=2, padding=1),
            {"type": "groupNorm", "groups": 2, "activation": "relu"},
            conv(12, 4, stride=2, padding="same", activation="silu"),
            {"type": "flatten"},
            {"type": "dense", "units": 32, "activation": "relu"},
        ],
        "decoder": [
            {"type": "dense", "units": 128, "activation": "relu"},
            {"type": "reshape", "shape": [4, 4, 8]},
            {"type": "deconv", "channels": 6, "crop": [1, 1]},
            {"type": "groupNorm", "groups": 3, "activation": "silu"},
            {"type": "deconv", "channels": 1},
        ],
        "likelihood": {"type": "bernoulli"},
    },
    # A bias right before a BatchNorm would have no gradient but rounding, which Adam takes for a direction:
    # here an activation or a sum stands between them. SiLU, because a ReLU flips for all the equal pixels of a black
    # background at once where rounding changes their sign: PyTorch's own float32 is then 1e-3 away from its float64.
    "residual": {
        "input": [SIDE, SIDE, 2],
        "latent": 3,
        "encoder": [
            conv(6, 3, activation="silu"),
            {"type": "batchNorm"},
            conv(8, 3, stride=2, padding=1, activation="silu"),
            {
                "type": "residual",
                "layers": [{"type": "batchNorm", "activation": "silu"}, conv(12, 3)],
                "activation": "silu",
            },
            {"type": "flatten"},
        ],
        "decoder": [
            {"type": "dense", "units": 294, "activation": "silu"},
            {"type": "reshape", "shape": [7, 7, 6]},
            {"type": "residual", "layers": [conv(6, 3, activation="relu"), {"type": "batchNorm", "momentum": 0.3}]},
            {"type": "upsample", "factor": 2},
            conv(2, 3),
        ],
        "likelihood": {"type": "gaussian", "scale": SCALE},
    },
}
ESTIMATORS = {"deconvolution": "B", "residual": "A"}


def image_bytes(step, channels):
    """A bright cone on black, its place differing between images and channels: uint8[BATCH, SIDE, SIDE, channels]."""
    image = (step * BATCH + np.arange(BATCH)).reshape(-1, 1, 1, 1) + 3 * np.arange(channels)
    row = np.arange(SIDE).reshape(1, -1, 1, 1)
    column = np.arange(SIDE).reshape(1, 1, -1, 1)
    away = 28 * np.abs(row - 3 - 5 * image % 9) + 18 * np.abs(column - 3 - 7 * image % 8)
    return np.maximum(255 - away, 0).astype(np.uint8)


def noise_of(step, latent):
    return to_float32(normal(BATCH * latent, NOISE_SEED, step)).reshape(BATCH, latent)


def initialise(model):
    """Uniform in +-1/sqrt(fan in), scales of norms in 1 +- 1/2, one noise stream a tensor, rounded to float32."""
    with torch.no_grad():
        for stream, (name, parameter) in enumerate(model.named_parameters()):
            is_weight = name.endswith("weight")
            if is_weight:  # its bias comes next and has the same bound
                bound = 1 / math.sqrt(parameter[0].numel()) if parameter.dim() > 1 else 0.5
            center = 1 if is_weight and parameter.dim() == 1 else 0
            values = center + (2 * uniform(parameter.numel(), WEIGHT_SEED, stream) - 1) * bound
            parameter.copy_(to_float32(values).reshape(parameter.shape))


def loss_of(model, x, noise, likelihood, estimator):
    mean, log_variance = model.encode(x)
    posterior = Normal(mean, torch.exp(log_variance.clamp(-30, 20) / 2))
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    z = posterior.mean + posterior.stddev * noise
    if estimator == "A":
        kl = (posterior.log_prob(z) - prior.log_prob(z)).sum(1)
    else:
        kl = kl_divergence(posterior, prior).sum(1)
    output = model.decode(z)
    if likelihood["type"] == "bernoulli":
        density = Bernoulli(logits=output, validate_args=False)
    else:
        density = Normal(output, SCALE)
    return (kl - density.log_prob(x).flatten(1).sum(1)).mean()


def train(name, spec):
    model = Vae(spec).double()
    initialise(model)
    weights = b"".join(p.detach().numpy().astype("<f4").tobytes() for p in model.parameters())
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses, images = [], b""
    for step in range(STEPS):
        data = image_bytes(step, spec["input"][2])
        images += data.tobytes()
        x = to_float32(data / 255).permute(0, 3, 1, 2)
        optimizer.zero_grad()
        loss = loss_of(model, x, noise_of(step, spec["latent"]), spec["likelihood"], ESTIMATORS[name])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {
        "name": name,
        "spec": spec,
        "estimator": ESTIMATORS[name],
        "parameterShapes": {name: list(p.shape) for name, p in model.named_parameters()},
        "inputs": {"imageHash": fnv1a(images), "weightHash": fnv1a(weights)},
        "losses": losses,
        "finalWeights": {
            name: {"sum": p.sum().item(), "sumOfSquares": (p * p).sum().item()} for name, p in model.named_parameters()
        },
        "finalState": {name: buffer.flatten().tolist() for name, buffer in model.named_buffers()},
    }


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    runs = [train(name, spec) for name, spec in SPECS.items()]
    golden = {"format": FORMAT, "torch": torch.__version__, "runs": runs}
    Path(__file__).with_name("conv-trajectory.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
