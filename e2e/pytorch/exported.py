"""Runs what webgpu-vae exported into this folder, for e2e/node/export-torch.spec.ts.

Reads x.bin and noise.bin (float32, channels last) and, of a conditional model, labels.bin (bytes); prints the terms of every
row, pictures decoded from the noise, channels last, and the names that a strict load found, as JSON.
"""

import json
import sys

sys.path.insert(0, ".")
import torch
from torch.nn import functional as F

from model import CLASSES, DATA_SHAPE, LATENT, load, read_safetensors


def rows(path):
    return torch.frombuffer(bytearray(open(path, "rb").read()), dtype=torch.float32)


def images(values):
    if len(DATA_SHAPE) == 1:
        return values.reshape(-1, *DATA_SHAPE)
    channels, height, width = DATA_SHAPE
    return values.reshape(-1, height, width, channels).movedim(-1, 1)


def channels_last(t):
    return (t.movedim(1, -1) if t.dim() == 4 else t).flatten().tolist()


def condition():
    if CLASSES == 0:
        return []
    labels = torch.frombuffer(bytearray(open("labels.bin", "rb").read()), dtype=torch.uint8)
    return [F.one_hot(labels.long(), CLASSES).float()]


def main(path):
    model, told = load(path), condition()
    x, noise = images(rows("x.bin")), rows("noise.bin").reshape(-1, LATENT)
    with torch.no_grad():
        reconstruction, kl = model.elbo(x, *told, noise=noise)
        pictures = model.mean_image(model.decode(noise, *told))
        samples = model.sample(told[0] if told else 5)
    assert torch.isfinite(samples).all() and samples.shape[1:] == torch.Size(DATA_SHAPE), samples.shape
    assert sorted(model.state_dict()) == sorted(read_safetensors(path)[0])
    result = {"reconstruction": reconstruction.tolist(), "kl": kl.tolist(), "decoded": channels_last(pictures)}
    print(json.dumps(result))


main(*sys.argv[1:])
