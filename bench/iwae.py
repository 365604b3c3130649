"""The IWAE paper's setting in PyTorch, from the weights, images and noise that iwae.ts wrote.

    python3 bench/iwae.py FOLDER K vae|iwae RATES SAMPLES

RATES is Adam's rate of every epoch, SAMPLES those of the test images' log-likelihood.
"""

import json
import math
import pathlib
import sys
import time

import numpy
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e/pytorch"))
import safetensors

folder, k, objective = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rates, samples = [float(rate) for rate in sys.argv[4].split(",")], int(sys.argv[5])
BATCH, LATENT, WIDTH = 20, 50, 784
LOG_2PI = math.log(2 * math.pi)


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(WIDTH, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.mean, self.log_variance = nn.Linear(200, LATENT), nn.Linear(200, LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, WIDTH)
        )

    def log_weights(self, x, noise):
        """log p(x | z) + log p(z) - log q(z | x), [samples, batch], with noise [samples, batch, latent]."""
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.exp(log_variance / 2) * noise
        logits = self.decoder(z)
        likelihood = -nn.functional.binary_cross_entropy_with_logits(
            logits, x.expand_as(logits), reduction="none"
        ).sum(-1)
        prior = -0.5 * (z**2 + LOG_2PI).sum(-1)
        posterior = -0.5 * (noise**2 + log_variance + LOG_2PI).sum(-1)
        return likelihood + prior - posterior


def bound_of(log_weights):
    if objective == "vae":
        return log_weights.mean()
    return (torch.logsumexp(log_weights, 0) - math.log(len(log_weights))).mean()


def rows_of(name):
    return torch.from_numpy(numpy.fromfile(folder / name, numpy.uint8).astype(numpy.float32)).reshape(-1, WIDTH)


train, test = rows_of("train.u8").reshape(len(rates), -1, BATCH, WIDTH), rows_of("test.u8")
steps = train.shape[1]
noise = torch.from_numpy(numpy.fromfile(folder / "noise.f32", numpy.float32)).reshape(len(rates), steps, -1)
model = Vae()
model.load_state_dict(safetensors.read(folder / "initial.safetensors")[0])
optimizer = torch.optim.Adam(model.parameters(), lr=rates[0], eps=1e-4)
started = time.time()
for epoch, rate in enumerate(rates):
    for group in optimizer.param_groups:
        group["lr"] = rate
    total = 0.0
    for step in range(steps):
        own = noise[epoch, step, : k * BATCH * LATENT].reshape(k, BATCH, LATENT)
        optimizer.zero_grad()
        bound = bound_of(model.log_weights(train[epoch, step], own))
        (-bound).backward()
        optimizer.step()
        total += bound.item()

test_noise = torch.from_numpy(numpy.fromfile(folder / "test-noise.f32", numpy.float32))
test_noise = test_noise.reshape(len(test), samples, 1, LATENT)
likelihood = 0.0
with torch.no_grad():
    for row, own in zip(test, test_noise):
        log_weights = model.log_weights(row[None], own)
        likelihood += (torch.logsumexp(log_weights, 0) - math.log(samples)).item() / len(test)
print(json.dumps({"bound": total / steps, "nll": -likelihood, "seconds": time.time() - started}))
