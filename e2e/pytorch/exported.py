"""Runs what webgpu-vae exported into some folders, for e2e/node/export-torch.spec.ts.

exported.py FOLDER...: each holds x.bin and noise.bin (float32, channels last) of a conditional model, labels.bin
(bytes), and of a hierarchical prior levels.bin, its noise.
Prints a line of JSON for each: the terms of every row, pictures decoded from the first noise, channels last, and the averages
that a posterior has after a forward pass of training, by name.
"""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

PICTURES = 8


def module_of(folder):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(path):
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.float32)


def images(values, shape):
    if len(shape) == 1:
        return values.reshape(-1, *shape)
    channels, height, width = shape
    return values.reshape(-1, height, width, channels).movedim(-1, 1)


def channels_last(t):
    return (t.movedim(1, -1) if t.dim() == 4 else t).flatten().tolist()


def condition(folder, classes):
    if classes == 0:
        return []
    labels = torch.frombuffer(bytearray((folder / "labels.bin").read_bytes()), dtype=torch.uint8)
    return [F.one_hot(labels.long(), classes).float()]


def run(folder):
    module = module_of(folder)
    path = folder / "model.safetensors"
    model, told = module.load(path), condition(folder, module.CLASSES)
    x, noise = images(rows(folder / "x.bin"), module.DATA_SHAPE), rows(folder / "noise.bin").reshape(-1, module.LATENT)
    levels = folder / "levels.bin"
    further = [rows(levels).reshape(len(x), -1)] if levels.exists() else []
    with torch.no_grad():
        reconstruction, kl = model.elbo(x, *told, noise=torch.cat([noise, *further], 1))
        pictures = model.mean_image(model.decode(noise[:PICTURES], *[c[:PICTURES] for c in told]))
        samples = model.sample(told[0] if told else 5)
    assert torch.isfinite(samples).all() and samples.shape[1:] == torch.Size(module.DATA_SHAPE), samples.shape
    assert sorted(model.state_dict()) == sorted(module.read_safetensors(path)[0])
    model.train()(x, *told)
    averages = {
        name: value.flatten().tolist() for name, value in model.named_buffers() if name.startswith("posterior.codebook")
    }
    terms = {"reconstruction": reconstruction.tolist(), "kl": kl.tolist()}
    return {**terms, "decoded": channels_last(pictures), "averages": averages}


for name in sys.argv[1:]:
    print(json.dumps(run(Path(name))))
