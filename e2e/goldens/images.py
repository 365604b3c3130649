"""Golden values of image operations from PyTorch, float64, with the gradient of <cotangent, result>: average and max
pooling, PixelShuffle, nearest upsampling, softmax and attention. Images are NCHW here. Writes images.json beside itself.

Run: python3 e2e/goldens/images.py   (needs torch; made with Debian 12's python3-torch)
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

FORMAT = 1

POOLS = [
    {"shape": [2, 3, 6, 4], "kernel": [2, 2], "stride": [2, 2], "padding": [0, 0]},
    {"shape": [1, 2, 7, 5], "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]},
    {"shape": [2, 1, 8, 7], "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]},
    {"shape": [1, 2, 5, 9], "kernel": [5, 4], "stride": [2, 3], "padding": [2, 2]},
]


def values(shape, seed, levels=None):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, dtype=torch.float64, generator=generator)
    return (x * levels).round() / levels if levels else x


def golden(function, inputs, seed):
    tensors = [x.clone().requires_grad_() for x in inputs]
    y = function(*tensors)
    cotangent = values(y.shape, seed)
    gradients = torch.autograd.grad((y * cotangent).sum(), tensors)
    return {
        "inputs": [x.flatten().tolist() for x in inputs],
        "result": list(y.shape),
        "value": y.flatten().tolist(),
        "cotangent": cotangent.flatten().tolist(),
        "gradients": [g.flatten().tolist() for g in gradients],
    }


def pools():
    for index, row in enumerate(POOLS):
        window = (row["kernel"], row["stride"], row["padding"])
        yield {**row, "function": "average", **golden(lambda x: F.avg_pool2d(x, *window), [values(row["shape"], index)], 90)}
        for levels in [None, 1]:  # whole numbers tie
            x = values(row["shape"], index, levels)
            yield {**row, "function": "max", **golden(lambda x: F.max_pool2d(x, *window), [x], 91)}


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[2]), 2) @ v


def main():
    shuffles = [([2, 12, 2, 3], 2), ([1, 18, 3, 2], 3)]
    upsamplings = [([2, 3, 2, 4], 2), ([1, 2, 3, 1], 3)]
    qkv = [values([2, 9, 4], 70 + i) for i in range(3)]
    result = {
        "format": FORMAT,
        "torch": torch.__version__,
        "pools": list(pools()),
        "pixelShuffles": [
            {"shape": shape, "factor": r, **golden(lambda x: F.pixel_shuffle(x, r), [values(shape, 50)], 92)}
            for shape, r in shuffles
        ],
        "upsamplings": [
            {"shape": shape, "factor": r, **golden(lambda x: F.interpolate(x, scale_factor=r), [values(shape, 60)], 93)}
            for shape, r in upsamplings
        ],
        "softmax": golden(lambda x: torch.softmax(x, 1), [values([4, 7], 65) * 3], 94),
        "attention": golden(attention, qkv, 95),
    }
    Path(__file__).with_name("images.json").write_text(json.dumps(result) + "\n")


main()
