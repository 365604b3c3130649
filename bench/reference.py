"""The benchmark's models in PyTorch, written for reading: the truth for everybody's losses in float64. They train on
the tensors that the benchmark wrote to a folder.

    python3 bench/reference.py FOLDER STEPS [BATCH_SIZE] [--reshape]    prints the float64 losses as JSON
"""

import json
import pathlib
import sys

import torch
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    conv2d,
    conv_transpose2d,
    linear,
    pixel_shuffle,
    relu,
)


def load(folder, dtype):
    """Tensors by name, from tensors.json (shapes) and NAME.bin (little-endian float32)."""
    folder = pathlib.Path(folder)
    shapes = json.loads((folder / "tensors.json").read_text())

    def read(name):
        data = bytearray((folder / f"{name}.bin").read_bytes())
        return torch.frombuffer(data, dtype=torch.float32).reshape(shapes[name]).to(dtype)

    return {name: read(name) for name in shapes}


def load_settings(folder):
    return json.loads((pathlib.Path(folder) / "settings.json").read_text())


class Dense:
    """784-400-(20, 20)-400-784."""

    def __init__(self, weights):
        self.weights = weights

    def layer(self, function, x, name, **options):
        return function(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], **options)

    def encode(self, x):
        return relu(self.layer(linear, x, "encoder"))

    def decode(self, z):
        return self.layer(linear, relu(self.layer(linear, z, "decoder")), "output")

    def loss(self, x, noise):
        """(sum of Bernoulli cross-entropy + KL) / B"""
        hidden = self.encode(x)
        mean, log_variance = self.layer(linear, hidden, "mean"), self.layer(linear, hidden, "logVariance")
        z = mean + noise * torch.exp(log_variance / 2)
        cross_entropy = binary_cross_entropy_with_logits(self.decode(z), x, reduction="sum")
        kl = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
        return (cross_entropy + kl) / len(x)


class Convolutional(Dense):
    """Two convolutions 4x4 s2, dense 256, latent 16, dense to 7x7x64, two transposed convolutions 4x4 s2."""

    def encode(self, x):
        image = x.reshape(-1, 1, 28, 28)
        for name in ("conv1", "conv2"):
            image = relu(self.layer(conv2d, image, name, stride=2, padding=1))
        return relu(self.layer(linear, image.flatten(1), "dense"))

    def decode(self, z):
        image = relu(self.layer(linear, z, "decoder")).reshape(-1, 64, 7, 7)
        return self.deconvolution(relu(self.deconvolution(image, "deconv1")), "deconv2").flatten(1)

    def deconvolution(self, image, name):
        return self.layer(conv_transpose2d, image, name, stride=2, padding=1)


class ByReshape(Convolutional):
    """Deconvolutions as 3x3 convolutions to 4 times the channels, ordered (ry, rx, out), and a rearrangement."""

    def deconvolution(self, image, name):
        y = self.layer(conv2d, image, name, padding=1)
        batch, channels, height, width = y.shape
        cells = y.reshape(batch, 4, channels // 4, height, width).transpose(1, 2)  # PixelShuffle has (out, ry, rx)
        return pixel_shuffle(cells.reshape(y.shape), 2)


class Training:
    def __init__(self, folder, dtype, batch_size=None, by_reshape=False):
        tensors, settings = load(folder, dtype), load_settings(folder)
        self.batch_size = batch_size or settings["batchSize"]
        self.x, self.noise = tensors.pop("x"), tensors.pop("noise")
        reshaped = {name: tensors.pop(name) for name in list(tensors) if name.startswith("reshape.")}
        if by_reshape:
            tensors.update({name.removeprefix("reshape."): tensor for name, tensor in reshaped.items()})
        weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
        kind = Dense if "conv1.weight" not in weights else ByReshape if by_reshape else Convolutional
        self.model = kind(weights)
        self.optimizer = torch.optim.Adam(weights.values(), lr=settings["learningRate"])
        self.next = 0

    def step(self):
        start = self.next % (len(self.x) // self.batch_size) * self.batch_size
        rows = slice(start, start + self.batch_size)
        loss = self.model.loss(self.x[rows], self.noise[rows])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.next += 1
        return loss.item()


def main():
    words = [word for word in sys.argv[1:] if word != "--reshape"]
    folder, steps, *batch_size = words
    by_reshape = "--reshape" in sys.argv
    training = Training(folder, torch.float64, *map(int, batch_size), by_reshape=by_reshape)
    print(json.dumps([training.step() for _ in range(int(steps))]))


if __name__ == "__main__":
    main()
