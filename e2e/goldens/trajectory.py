"""Golden training runs: 50 Adam steps of a small dense VAE in PyTorch, float64.

Writes trajectory.json beside itself. Data, noise and initial weights follow formulas that trajectory.ts repeats,
so only losses and checksums are stored. The model is written with PyTorch's own layers, distributions and
optimizer on purpose: it shares no formula with the code it checks.

Run: python3 e2e/goldens/trajectory.py   (needs numpy and torch; made with Debian 12's python3-torch)
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch.distributions import Bernoulli, Laplace, Normal, kl_divergence

FORMAT = 1
STEPS, BATCH, SIDE, LATENT, HIDDEN = 50, 32, 28, 8, 32
LEARNING_RATE, SCALE = 1e-3, 0.5
NOISE_SEED = (2013, 0)
WEIGHT_SEED = (2013, 1)


def threefry(key, counter0, counter1):
    """Threefry2x32-20 on arrays of counters; uint32 arithmetic wraps."""
    rotations = [13, 15, 26, 6, 17, 29, 16, 24]
    keys = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(0x1BD11BDA ^ key[0] ^ key[1])]
    x = counter0.astype(np.uint32) + keys[0]
    y = np.full_like(x, counter1) + keys[1]
    for step in range(20):
        x = x + y
        turn = rotations[step % 8]
        y = ((y << np.uint32(turn)) | (y >> np.uint32(32 - turn))) ^ x
        if step % 4 == 3:
            group = (step + 1) // 4
            x = x + keys[group % 3]
            y = y + keys[(group + 1) % 3] + np.uint32(group)
    return x, y


def uniform(count, key, stream):
    element = np.arange(count, dtype=np.uint32)
    w0, w1 = threefry(key, element >> np.uint32(1), stream)
    return (np.where(element & 1, w1, w0) >> np.uint32(8)).astype(np.float64) * 2.0**-24


def normal(count, key, stream):
    element = np.arange(count, dtype=np.uint32)
    w0, w1 = threefry(key, element >> np.uint32(1), stream)
    u1 = ((w0 >> np.uint32(9)).astype(np.float64) + 0.5) * 2.0**-23
    u2 = (w1 >> np.uint32(8)).astype(np.float64) * 2.0**-24
    angle = 2 * math.pi * u2
    return np.sqrt(-2 * np.log(u1)) * np.where(element & 1, np.sin(angle), np.cos(angle))


def image_bytes(step):
    """A bright cone on black, its place differing from image to image, in integers: uint8[BATCH, 784]."""
    image = (step * BATCH + np.arange(BATCH)).reshape(-1, 1, 1)
    row = np.arange(SIDE).reshape(1, -1, 1)
    column = np.arange(SIDE).reshape(1, 1, -1)
    away = 14 * np.abs(row - 6 - 5 * image % 17) + 9 * np.abs(column - 6 - 7 * image % 16)
    return np.maximum(255 - away, 0).astype(np.uint8).reshape(BATCH, SIDE * SIDE)


def fnv1a(data):
    """32-bit FNV-1a of a byte string."""
    state = 0x811C9DC5
    for byte in data:
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return state


def to_float32(values):
    return torch.from_numpy(values.astype(np.float32).astype(np.float64))


class Vae(torch.nn.Module):
    def __init__(self):
        super().__init__()
        pixels = SIDE * SIDE
        self.encoder = torch.nn.Sequential(torch.nn.Linear(pixels, HIDDEN), torch.nn.ReLU())
        self.mean = torch.nn.Linear(HIDDEN, LATENT)
        self.log_variance = torch.nn.Linear(HIDDEN, LATENT)
        self.decoder = torch.nn.Sequential(
            torch.nn.Linear(LATENT, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, pixels)
        )

    def loss(self, x, noise, likelihood, estimator):
        hidden = self.encoder(x)
        log_variance = self.log_variance(hidden).clamp(-30, 20)
        posterior = Normal(self.mean(hidden), torch.exp(log_variance / 2))
        prior = Normal(torch.zeros_like(posterior.mean), torch.ones_like(posterior.mean))
        z = posterior.mean + posterior.stddev * noise
        if estimator == "A":
            kl = (posterior.log_prob(z) - prior.log_prob(z)).sum(1)
        else:
            kl = kl_divergence(posterior, prior).sum(1)
        output = self.decoder(z)
        if likelihood == "bernoulli":
            density = Bernoulli(logits=output, validate_args=False)
        elif likelihood == "gaussian":
            density = Normal(output, SCALE)
        else:
            density = Laplace(output, SCALE)
        return (kl - density.log_prob(x).sum(1)).mean()


def initialise(model):
    """Uniform in +-1/sqrt(inputs), drawn with one noise stream a tensor, rounded to float32."""
    with torch.no_grad():
        for stream, (name, parameter) in enumerate(model.named_parameters()):
            if name.endswith("weight"):
                bound = 1 / math.sqrt(parameter.shape[1])  # the bias comes next and has the same bound
            values = (2 * uniform(parameter.numel(), WEIGHT_SEED, stream) - 1) * bound
            parameter.copy_(to_float32(values).reshape(parameter.shape))


def train(likelihood, estimator):
    model = Vae().double()
    initialise(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for step in range(STEPS):
        x = to_float32(image_bytes(step) / 255)
        noise = to_float32(normal(BATCH * LATENT, NOISE_SEED, step)).reshape(BATCH, LATENT)
        optimizer.zero_grad()
        loss = model.loss(x, noise, likelihood, estimator)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    final = {
        name: {"sum": p.sum().item(), "sumOfSquares": (p * p).sum().item()} for name, p in model.named_parameters()
    }
    return {"likelihood": likelihood, "estimator": estimator, "losses": losses, "finalWeights": final}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model = Vae().double()
    initialise(model)
    weights = b"".join(p.detach().numpy().astype("<f4").tobytes() for p in model.parameters())
    noise = np.concatenate([normal(BATCH * LATENT, NOISE_SEED, step) for step in range(STEPS)])
    golden = {
        "format": FORMAT,
        "torch": torch.__version__,
        "parameterNames": [name for name, _ in model.named_parameters()],
        "inputs": {
            "imageHash": fnv1a(b"".join(image_bytes(step).tobytes() for step in range(STEPS))),
            "weightHash": fnv1a(weights),
            "noiseSum": float(noise.sum()),
            "noiseSumOfSquares": float((noise * noise).sum()),
        },
        "runs": [train(kind, by) for kind in ("bernoulli", "gaussian", "laplace") for by in ("A", "B")],
    }
    Path(__file__).with_name("trajectory.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
