"""Models as PyTorch's users write them, trained for a few steps, for e2e/node/import-torch.spec.ts.

foreign.py dense|conv: reads x.bin (float32, channels last) and noise.bin, trains on x, and writes model.safetensors with the
names of its own modules; prints the terms of every row with that noise as JSON.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import torch
from torch import nn
from torch.nn import functional as F

import safetensors


class Dense(nn.Module):
    """The VAE of a tutorial: fc1 to fc4."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 48)
        self.fc21 = nn.Linear(48, 6)
        self.fc22 = nn.Linear(48, 6)
        self.fc3 = nn.Linear(6, 48)
        self.fc4 = nn.Linear(48, 784)

    def encode(self, x):
        h = F.relu(self.fc1(x.flatten(1)))
        return self.fc21(h), self.fc22(h)

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z)))


class Conv(nn.Module):
    """Convolutions without bias before norms, both moments of one layer, all three usual transposed convolutions."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.01),
            nn.Conv2d(8, 12, 3, 2, 1),
            nn.GroupNorm(3, 12),
            nn.ReLU(),
        )
        self.moments = nn.Linear(12 * 7 * 7, 2 * 6)
        self.start = nn.Linear(6, 12 * 7 * 7)
        self.up1 = nn.ConvTranspose2d(12, 8, 3, 2, 1, output_padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.up2 = nn.ConvTranspose2d(8, 5, 4, 2, 1)
        self.up3 = nn.ConvTranspose2d(5, 1, 2, 2)
        self.last = nn.AvgPool2d(2)

    def encode(self, x):
        return self.moments(self.down(x).flatten(1)).chunk(2, 1)

    def decode(self, z):
        h = F.relu(self.norm(self.up1(self.start(z).view(-1, 12, 7, 7))))
        return self.last(self.up3(F.relu(self.up2(h)))).flatten(1)


def terms(model, x, noise):
    mean, log_variance = model.encode(x)
    logits = model.decode(mean + torch.exp(log_variance / 2) * noise)
    reconstruction = -F.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="none").sum(1)
    return reconstruction, 0.5 * (torch.exp(log_variance) + mean**2 - 1 - log_variance).sum(1)


def rows(path):
    return torch.frombuffer(bytearray(open(path, "rb").read()), dtype=torch.float32)


def main(name):
    torch.manual_seed(5)
    model = {"dense": Dense, "conv": Conv}[name]()
    x, noise = rows("x.bin").reshape(-1, 1, 28, 28), rows("noise.bin").reshape(-1, 6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(5):
        batch = slice(64 * step, 64 * step + 64)
        reconstruction, kl = terms(model, x[batch], noise[batch])
        optimizer.zero_grad()
        (kl - reconstruction).mean().backward()
        optimizer.step()
    model.eval()
    safetensors.write("model.safetensors", model.state_dict(), {})
    with torch.no_grad():
        reconstruction, kl = terms(model, x, noise)
    print(json.dumps({"reconstruction": reconstruction.tolist(), "kl": kl.tolist()}))


main(*sys.argv[1:])
