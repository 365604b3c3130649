"""Encodes and decodes with PyTorch in float64, for e2e/node/pytorch-conv.spec.ts.

run.py load   model.safetensors, a file of ours, into the nn.Module of its specification, strictly
run.py make   that module with random numbers, as a file for us, with the specification in spec.json
run.py world  the 2018 "World Models" VAE with ConvTranspose2d, an eighth of its channels, as PyTorch saves it
Each reads x.bin and z.bin (float32, channels last) and prints what it got with a bound on float32's error, as JSON.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import torch
from torch import nn

import error_bound
import safetensors
from modules import Vae

FORMAT = "webgpu-vae 1"


def rows(path):
    return torch.frombuffer(bytearray(open(path, "rb").read()), dtype=torch.float32).double()


def to_nchw(values, shape):
    image = [-1, *shape[1:], shape[0]] if len(shape) == 3 else [-1, *shape]
    x = values.reshape(image)
    return x.permute(0, 3, 1, 2) if len(shape) == 3 else x


def channels_last(t):
    return (t.permute(0, 2, 3, 1) if t.dim() == 4 else t).flatten().tolist()


def loaded():
    tensors, metadata = safetensors.read("model.safetensors")
    model = Vae(json.loads(metadata["spec"]))
    model.load_state_dict(tensors)
    return model


def made():
    """Every number random, the running statistics those of a few batches."""
    spec = json.loads(Path("spec.json").read_text())
    torch.manual_seed(11)
    model = Vae(spec)
    randomise(model)
    for _ in range(3):
        x = torch.rand(8, *model.data_shape)
        model.decode(model.encode(x)[0])
    safetensors.write("model.safetensors", model.state_dict(), {"format": FORMAT, "spec": json.dumps(spec)})
    return model


def randomise(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:
                p += torch.rand(p.shape) - 0.5


class WorldModels(nn.Module):
    data_shape = (3, 64, 64)
    is_flat = False

    def __init__(self):
        super().__init__()
        pairs = lambda layers: nn.Sequential(*[m for layer in layers for m in (layer, nn.ReLU())])
        self.encoder = pairs(nn.Conv2d(c, o, 4, 2) for c, o in ((3, 4), (4, 8), (8, 16), (16, 32)))
        self.mean, self.log_variance = nn.Linear(128, 32), nn.Linear(128, 32)
        ups = ((128, 16, 5), (16, 8, 5), (8, 4, 6), (4, 3, 6))
        layers = [nn.ConvTranspose2d(c, o, k, 2) for c, o, k in ups]
        self.decoder = nn.Sequential(nn.Linear(32, 128), nn.Unflatten(1, (128, 1, 1)), *pairs(layers)[:-1])

    def seen(self, x):
        return x


def world():
    torch.manual_seed(12)
    model = WorldModels()
    randomise(model)
    safetensors.write("world.safetensors", model.state_dict(), {})
    return model


def main(command):
    model = {"load": loaded, "make": made, "world": world}[command]().double().eval()
    with torch.no_grad():
        x, z = model.seen(to_nchw(rows("x.bin"), model.data_shape)), rows("z.bin")
        z = z.reshape(-1, model.mean.out_features)
        hidden, error = error_bound.bounded(model.encoder, x, torch.zeros_like(x))
        features = hidden.flatten(1), error.flatten(1)
        decoded = error_bound.bounded(model.decoder, z, torch.zeros_like(z))
        image = [t.reshape(-1, *model.data_shape) for t in decoded]
        outputs = {
            "mean": error_bound.bounded(model.mean, *features),
            "logVariance": error_bound.bounded(model.log_variance, *features),
            "decoded": image,
        }
    result = {name: [channels_last(t) for t in pair] for name, pair in outputs.items()}
    print(json.dumps({"names": sorted(model.state_dict()), **result}))


main(sys.argv[1])
