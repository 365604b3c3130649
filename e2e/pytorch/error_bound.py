"""How far a float32 run of a module may be from float64: the module's outputs with a bound on each.

Every module adds its own rounding (at most one unit in the last place an operation, growing with the length of a
sum as in e2e/tolerance.ts) to what it makes of its input's error. Roundings count as independent of each other, as
they do there (Higham and Mary 2019, four deviations), so that errors from several places add up as squares do.
"""

import torch
from torch import nn
from torch.nn import functional as F

from modules import Attention, ChannelNorm, Residual

ULP = 2.0**-23
MOVES = (nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.Upsample, nn.ZeroPad2d, nn.MaxPool2d, nn.Identity, nn.Dropout)
STEEPEST = 1.13  # of all activations (GELU near sqrt 2)


def growth(length):
    return min(length, 4 * length**0.5)


def linear(module, x, error):
    """The same map of squares with squared weights for the error, of magnitudes for the rounding."""
    weight = module.weight
    if isinstance(module, nn.Linear):
        apply = F.linear
        length = weight.shape[1]
    else:
        is_transposed = isinstance(module, nn.ConvTranspose2d)
        function = F.conv_transpose2d if is_transposed else F.conv2d
        apply = lambda t, w, bias=None: function(t, w, bias, module.stride, module.padding)
        length = weight[:, 0].numel() if is_transposed else weight[0].numel()
    rounding = growth(length + 1) * ULP * apply(x.abs(), weight.abs(), module.bias.abs())
    return torch.hypot(apply(error**2, weight**2).sqrt(), rounding)


def normalization(module, x, error):
    """(x - mean) / deviation * scale + shift, of groups of x or with running statistics."""
    if isinstance(module, ChannelNorm):
        return nd_norm(module, x.movedim(1, -1), error.movedim(1, -1)).movedim(-1, 1)
    return nd_norm(module, x, error)


def nd_norm(module, x, error):
    channels_last = isinstance(module, nn.LayerNorm)
    wide = (lambda v: v) if channels_last or x.dim() == 2 else (lambda v: v.reshape(1, -1, 1, 1))
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        deviation = wide((module.running_var + module.eps).sqrt())
        mean, average, count = wide(module.running_mean), torch.zeros_like, 1
    else:
        groups = module.num_groups if isinstance(module, nn.GroupNorm) else None
        view = (lambda t: t) if groups is None else (lambda t: t.reshape(len(t), groups, -1))
        count = x[0].numel() // groups if groups else x.shape[-1]
        average = lambda t: view(t).mean(-1, keepdim=True).expand_as(view(t)).reshape(t.shape)
        mean = average(x)
        deviation = (average((x - mean) ** 2) + module.eps).sqrt()
    normal = ((x - mean) / deviation).abs()
    # the mean and the deviation move by the error of an average, the deviation in proportion to what it divides
    shared = average(error**2) * (1 + normal**2) / count
    moved = (error**2 + shared).sqrt() / deviation
    rounding = (growth(count) + 8) * ULP * (normal + (x.abs() + average(x.abs())) / deviation)
    return wide(module.weight).abs() * torch.hypot(moved, rounding) + 2 * ULP * wide(module.bias).abs()


def product(a, a_error, b, b_error):
    """The error of a matrix product of two tensors with errors."""
    inherited = (a_error**2 @ b**2 + a**2 @ b_error**2).sqrt()
    return torch.hypot(inherited, growth(a.shape[-1]) * ULP * (a.abs() @ b.abs()))


def attention(module, x, error):
    pixels = [t.flatten(2).transpose(1, 2) for t in (x, error)]
    (q, q_error), (k, k_error), (v, v_error) = (bounded(m, *pixels) for m in (module.query, module.key, module.value))
    root = x.shape[1] ** 0.5
    scores = q @ k.transpose(1, 2) / root
    score_error = product(q, q_error, k.transpose(1, 2), k_error.transpose(1, 2)) / root
    shares = torch.softmax(scores, -1)
    # a share moves with its own score and with their sum's; exp's error grows with its argument, which is <= 0
    moved = torch.hypot(score_error, (shares**2 * score_error**2).sum(-1, keepdim=True).sqrt())
    rounding = (8 + 2 * (scores.amax(-1, keepdim=True) - scores) + growth(scores.shape[-1])) * ULP
    share_error = shares * torch.hypot(moved, rounding)
    _, y_error = bounded(module.output, shares @ v, product(shares, share_error, v, v_error))
    return torch.hypot(error, y_error.transpose(1, 2).reshape(x.shape))


def bounded(module, x, error):
    """The module's output for x, and how far float32 may be from it when x is `error` away."""
    if isinstance(module, nn.Sequential):
        for part in module:
            x, error = bounded(part, x, error)
        return x, error
    y = module(x)
    if isinstance(module, Residual):
        (_, straight), (_, inner) = bounded(module.shortcut, x, error), bounded(module.layers, x, error)
        return y, torch.hypot(straight, inner) + ULP * y.abs()
    if isinstance(module, Attention):
        return y, attention(module, x, error) + ULP * y.abs()
    if isinstance(module, MOVES):
        return y, module(error)
    if isinstance(module, nn.AvgPool2d):
        return y, module(error) + growth(16) * ULP * module(x.abs())
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        return y, linear(module, x, error)
    if isinstance(module, (nn.GroupNorm, nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)):
        return y, normalization(module, x, error)
    assert type(module).__module__ == "torch.nn.modules.activation", module
    return y, STEEPEST * error + 8 * ULP * (1 + x.abs())  # exp's error grows with its argument
