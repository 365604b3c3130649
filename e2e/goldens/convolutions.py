"""Golden convolutions from PyTorch: conv2d with every kind of padding and both gradients, conv_transpose2d in the forms
that pretrained decoders use, and PixelShuffle. Operands are sixteenths, so that every sum is exact and must agree
to the last bit. Writes convolutions.json beside itself: numbers in 256ths, layouts PyTorch's (images [B, C, H, W]).

Run: python3 e2e/goldens/convolutions.py   (needs torch; made with Debian 12's python3-torch)
"""

import json
import math
import re
from pathlib import Path

import torch
import torch.nn.functional as F

FORMAT = 1
PADDINGS = {"none": (0, 0, 0, 0), "one": (1, 1, 1, 1), "asymmetric": (2, 1, 0, 3)}  # top, bottom, left, right
CONVOLUTIONS = [  # image, kernel, stride, paddings; 2 channels to 3
    ((5, 7), (3, 3), (1, 1), ("none", "one", "same", "asymmetric")),
    ((6, 7), (4, 4), (2, 2), ("none", "one", "same", "asymmetric")),
    ((7, 8), (2, 2), (3, 3), ("none", "same", "asymmetric")),
    ((5, 6), (1, 5), (1, 2), ("none", "same", "asymmetric")),
    ((1, 1), (3, 3), (1, 1), ("one", "same")),
]
TRANSPOSED = [  # kernel, stride, padding, output padding
    (4, 2, 1, 0),
    (3, 2, 1, 1),
    (2, 2, 0, 0),
    (5, 2, 2, 1),
    (5, 2, 0, 0),
    (6, 2, 0, 0),
]
SHUFFLES = [2, 3, 4]


def sixteenths(*shape):
    return torch.randint(-16, 17, shape, dtype=torch.float64) / 16


def same_padding(image, kernel, stride):
    """TensorFlow's rule, which PyTorch has for stride 1 only."""
    padding = []
    for size, taps, step in zip(image, kernel, stride):
        total = max((math.ceil(size / step) - 1) * step + taps - size, 0)
        padding += [total // 2, total - total // 2]
    return tuple(padding)


def convolution(image, kernel, stride, name):
    top, bottom, left, right = padding = PADDINGS.get(name) or same_padding(image, kernel, stride)
    x = sixteenths(2, 2, *image).requires_grad_()
    weight = sixteenths(3, 2, *kernel).requires_grad_()
    y = F.conv2d(F.pad(x, (left, right, top, bottom)), weight, stride=stride)
    if name == "same" and stride == (1, 1):
        assert torch.equal(y, F.conv2d(x, weight, padding="same"))
    g = sixteenths(*y.shape)
    y.backward(g)
    return {
        "paddingName": name,
        "stride": stride,
        "padding": padding,
        **tensors(x=x, weight=weight, y=y, g=g, xGradient=x.grad, weightGradient=weight.grad),
    }


def transposed(kernel, stride, padding, output_padding):
    x, weight, bias = sixteenths(2, 3, 4, 3), sixteenths(3, 2, kernel, kernel), sixteenths(2)
    y = F.conv_transpose2d(x, weight, bias, stride, padding, output_padding)
    options = {"kernel": kernel, "stride": stride, "padding": padding, "outputPadding": output_padding}
    return {**options, **tensors(x=x, weight=weight, bias=bias, y=y)}


def shuffle(r):
    x = sixteenths(2, r * r * 3, 2, 4)
    return {"r": r, **tensors(x=x, y=F.pixel_shuffle(x, r))}


def tensors(**named):
    return {name: {"shape": list(t.shape), "values": (256 * t).flatten().int().tolist()} for name, t in named.items()}


def lines(golden):
    """JSON with one case a line."""
    text = json.dumps(golden, separators=(",", ":")) + "\n"
    return re.sub(r'\},(\{"(?:paddingName|kernel|r)")', r"},\n\1", text)


def main():
    torch.manual_seed(5)
    golden = {
        "format": FORMAT,
        "torch": torch.__version__,
        "convolutions": [
            convolution(image, kernel, stride, name)
            for image, kernel, stride, names in CONVOLUTIONS
            for name in names
        ],
        "transposed": [transposed(*row) for row in TRANSPOSED],
        "shuffles": [shuffle(r) for r in SHUFFLES],
    }
    Path(__file__).with_name("convolutions.json").write_text(lines(golden))


main()
