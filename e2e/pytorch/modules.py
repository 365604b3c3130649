"""The nn.Module of a specification, out of PyTorch's own layers: what a file of ours is named after.

Every layer is one module of an nn.Sequential, or several (a ZeroPad2d before a Conv2d, a PixelShuffle behind it, an
activation); shapes are found by running zeros through them. Data are NCHW as in PyTorch; latents are vectors.
"""

import torch
from torch import nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leakyRelu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def activation(name):
    return [] if name in (None, "identity") else [ACTIVATIONS[name]()]


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def sides(spec, image, kernel, stride):
    """Padding as (top, bottom, left, right); `same` is TensorFlow's, an odd zero at the bottom and the right."""
    padding = spec.get("padding", "same")
    if padding != "same":
        return padding if isinstance(padding, list) else [padding] * 4
    result = []
    for size, taps, step in zip(image, kernel, stride):
        total = max((-(-size // step) - 1) * step + taps - size, 0)
        result += [total // 2, total - total // 2]
    return result


def convolution(spec, x, channels):
    kernel, stride = pair(spec.get("kernel", 3)), pair(spec.get("stride", 1))
    top, bottom, left, right = sides(spec, x.shape[2:], kernel, stride)
    if top == bottom and left == right:
        return [nn.Conv2d(x.shape[1], channels, kernel, stride, (top, left))]
    return [nn.ZeroPad2d((left, right, top, bottom)), nn.Conv2d(x.shape[1], channels, kernel, stride)]


def deconvolution(spec, x):
    factor, (rows, columns) = spec.get("factor", 2), spec.get("crop", (0, 0))
    crop = [nn.ZeroPad2d((0, -columns, 0, -rows))] if rows or columns else []
    return [*convolution(spec, x, spec["channels"] * factor**2), nn.PixelShuffle(factor), *crop]


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of every pixel."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Attention(nn.Module):
    """Self-attention over pixels with a residual sum."""

    def __init__(self, channels):
        super().__init__()
        for name in ("query", "key", "value", "output"):
            setattr(self, name, nn.Linear(channels, channels))

    def forward(self, x):
        pixels = x.flatten(2).transpose(1, 2)
        scores = self.query(pixels) @ self.key(pixels).transpose(1, 2) / x.shape[1] ** 0.5
        y = self.output(torch.softmax(scores, -1) @ self.value(pixels))
        return x + y.transpose(1, 2).reshape(x.shape)


class Residual(nn.Module):
    def __init__(self, specs, x):
        super().__init__()
        self.layers, y = sequential(specs, x)
        self.shortcut = nn.Identity() if x.shape == y.shape else nn.Conv2d(x.shape[1], y.shape[1], 1)

    def forward(self, x):
        return self.shortcut(x) + self.layers(x)


def norm(spec, x):
    channels, epsilon, is_image = x.shape[1], spec.get("epsilon", 1e-5), x.dim() == 4
    if spec["type"] == "groupNorm":
        return nn.GroupNorm(spec["groups"], channels, epsilon)
    if spec["type"] == "layerNorm":
        return (ChannelNorm if is_image else nn.LayerNorm)(channels, epsilon)
    return (nn.BatchNorm2d if is_image else nn.BatchNorm1d)(channels, epsilon, spec.get("momentum", 0.1))


def pool(spec):
    kernel = pair(spec["kernel"])
    options = kernel, pair(spec.get("stride", spec["kernel"])), pair(spec.get("padding", 0))
    return (nn.MaxPool2d if spec["type"] == "maxPool" else nn.AvgPool2d)(*options)


def reshape(shape):
    if len(shape) == 1:
        return nn.Flatten()
    height, width, channels = shape
    return nn.Unflatten(1, (channels, height, width))


def modules(spec, x):
    """One layer's modules for inputs like x, without its activation."""
    kind = spec["type"]
    if kind == "dense":
        flatten = [nn.Flatten()] if x.dim() == 4 else []
        return [*flatten, nn.Linear(x[0].numel(), spec["units"])]
    if kind == "conv":
        return convolution(spec, x, spec["channels"])
    if kind == "deconv":
        return deconvolution(spec, x)
    if kind in ("groupNorm", "layerNorm", "batchNorm"):
        return [norm(spec, x)]
    if kind in ("averagePool", "maxPool"):
        return [pool(spec)]
    makers = {
        "activation": nn.Identity,
        "upsample": lambda: nn.Upsample(scale_factor=spec["factor"]),
        "dropout": lambda: nn.Dropout(spec["rate"]),
        "attention": lambda: Attention(x.shape[1]),
        "residual": lambda: Residual(spec["layers"], x),
        "flatten": nn.Flatten,
        "reshape": lambda: reshape(spec["shape"]),
    }
    made = makers[kind]()
    return [] if isinstance(made, nn.Identity) and spec["activation"] != "identity" else [made]


def sequential(specs, x):
    """The layers for inputs like x, and what they make of it."""
    sequence = nn.Sequential()
    for spec in specs:
        for module in [*modules(spec, x), *activation(spec.get("activation"))]:
            sequence.add_module(str(len(sequence)), module)
            x = module.eval()(x)
    return sequence, x


class Vae(nn.Module):
    """A specification's VAE; encode(x) and decode(z) give moments and the likelihood's logits or mean."""

    def __init__(self, spec):
        super().__init__()
        sizes = spec["input"]
        self.data_shape = [sizes[2], *sizes[:2]] if len(sizes) == 3 else [torch.Size(sizes).numel()]
        self.is_flat = bool(spec["encoder"]) and spec["encoder"][0]["type"] == "dense"
        with torch.no_grad():
            x = torch.zeros(2, *self.data_shape)
            self.encoder, hidden = sequential(spec["encoder"], self.seen(x))
            features, latent = hidden[0].numel(), spec["latent"]
            self.mean = nn.Linear(features, latent)
            is_isotropic = spec.get("posterior") in ("isotropic", {"type": "isotropic"})
            self.log_variance = nn.Linear(features, 1 if is_isotropic else latent)
            self.decoder, y = sequential(spec["decoder"], torch.zeros(2, latent))
        if y.dim() == 2:
            self.decoder.add_module(str(len(self.decoder)), nn.Linear(y.shape[1], x[0].numel()))
        scale = spec.get("likelihood", {}).get("scale")
        if isinstance(scale, str):
            self.likelihood = nn.Module()
            name = "log_variance" if spec["likelihood"]["type"] == "gaussian" else "log_scale"
            count = 1 if scale == "learned" else x[0].numel()
            self.likelihood.register_parameter(name, nn.Parameter(torch.zeros(count)))
        self.train()

    def seen(self, x):
        """Data as the first layer takes them: flat if it is dense."""
        return x.flatten(1) if self.is_flat else x

    def encode(self, x):
        hidden = self.encoder(self.seen(x)).flatten(1)
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z):
        return self.decoder(z).reshape(-1, *self.data_shape)
