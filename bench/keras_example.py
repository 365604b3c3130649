"""The Keras example's setting in PyTorch, from the weights, images, order and noise that keras-example.ts wrote.

    python3 bench/keras_example.py FOLDER EPOCHS BATCH
"""

import json
import pathlib
import sys
import time

import numpy
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e/pytorch"))
import safetensors

folder, epochs, batch = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        same, after = nn.ZeroPad2d((0, 1, 0, 1)), nn.ZeroPad2d((0, 1, 0, 1))
        self.encoder = nn.Sequential(
            same, nn.Conv2d(1, 32, 3, 2), nn.ReLU(), same, nn.Conv2d(32, 64, 3, 2), nn.ReLU(),
            nn.Flatten(), nn.Linear(3136, 16), nn.ReLU(),
        )
        self.mean = nn.Linear(16, 2)
        self.log_variance = nn.Linear(16, 2)
        self.decoder = nn.Sequential(
            nn.Linear(2, 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
            after, nn.Conv2d(64, 256, 2), nn.PixelShuffle(2), nn.ReLU(),
            after, nn.Conv2d(64, 128, 2), nn.PixelShuffle(2), nn.ReLU(),
            nn.Conv2d(32, 1, 3, padding=1),
        )

    def loss(self, x, noise):
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.exp(0.5 * log_variance) * noise
        logits = self.decoder(z)
        reconstruction = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (reconstruction + kl) / len(x)


images = torch.from_numpy(numpy.fromfile(folder / "images.f32", numpy.float32)).reshape(-1, 1, 28, 28)
model = Vae()
model.load_state_dict(safetensors.read(folder / "initial.safetensors")[0])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
steps = len(images) // batch
order = torch.from_numpy(numpy.fromfile(folder / "order.u32", numpy.uint32).astype(numpy.int64)).reshape(epochs, -1)
noise = torch.from_numpy(numpy.fromfile(folder / "noise.f32", numpy.float32)).reshape(epochs, steps, batch, 2)
started = time.time()
losses = []
for epoch in range(epochs):
    total = 0.0
    for step in range(steps):
        x = images[order[epoch, step * batch : (step + 1) * batch]]
        optimizer.zero_grad()
        loss = model.loss(x, noise[epoch, step])
        loss.backward()
        optimizer.step()
        total += loss.item()
    losses.append(total / steps)
print(json.dumps({"losses": losses, "seconds": time.time() - started, "version": torch.__version__}))
