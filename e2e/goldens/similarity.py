"""Golden values of PSNR and SSIM from PyTorch, float64: SSIM as in the reference program of Wang et al. 2004 (11 x 11
Gaussian window of sigma 1.5, K1 0.01, K2 0.03, places inside the image only), with the window as one 2-D convolution.
Images are NHWC, bytes that stand for value / 255. Writes similarity.json beside itself.

Run: python3 e2e/goldens/similarity.py   (needs torch; made with Debian 12's python3-torch)
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

FORMAT = 1
SHAPES = [[2, 11, 11, 1], [2, 14, 19, 1], [3, 16, 12, 3]]


def window():
    distance = torch.arange(11, dtype=torch.float64) - 5
    weights = torch.exp(-(distance[:, None] ** 2 + distance[None, :] ** 2) / (2 * 1.5**2))
    return (weights / weights.sum())[None, None]


def similarity(a, b):
    planes = [x.permute(0, 3, 1, 2).flatten(0, 1)[:, None] for x in (a, b)]
    smooth = lambda x: F.conv2d(x, window())
    ma, mb = (smooth(x) for x in planes)
    va, vb = (smooth(x * x) - m * m for x, m in zip(planes, (ma, mb)))
    covariance = smooth(planes[0] * planes[1]) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    index = ((2 * ma * mb + c1) * (2 * covariance + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return index.flatten(1).mean(1).reshape(a.shape[0], -1).mean(1)


def case(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    bytes_a = torch.randint(256, shape, generator=generator)
    bytes_b = (bytes_a + torch.randint(-40, 41, shape, generator=generator)).clamp(0, 255)
    a64, b64 = ((x.float() / 255).double() for x in (bytes_a, bytes_b))  # float32, as the library takes them
    error = ((a64 - b64) ** 2).flatten(1).mean(1)
    return {
        "shape": shape,
        "a": bytes_a.flatten().tolist(),
        "b": bytes_b.flatten().tolist(),
        "psnr": (-10 * torch.log10(error)).tolist(),
        "ssim": similarity(a64, b64).tolist(),
    }


def main():
    cases = [case(shape, seed) for seed, shape in enumerate(SHAPES)]
    result = {"format": FORMAT, "torch": torch.__version__, "cases": cases}
    Path(__file__).with_name("similarity.json").write_text(json.dumps(result) + "\n")


main()
