"""Golden values of single operations from PyTorch, float64: activations with two derivatives, erf, ties of
maximum and minimum, gradient clipping, optimizer steps, norms with running statistics. Writes operations.json beside itself.

Run: python3 e2e/goldens/operations.py   (needs torch; made with Debian 12's python3-torch)
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

FORMAT = 2
POINTS = [-30, -8, -5.5, -3.7, -2.5, -2, -1, -0.5, -0.1, -1e-3, 0, 1e-3, 0.1, 0.5, 1, 2, 2.5, 3.7, 5.5, 8, 30]

ACTIVATIONS = {
    "identity": lambda x: x * 1,
    "relu": F.relu,
    "leakyRelu": F.leaky_relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": lambda x: F.softplus(x, threshold=600),  # the default of 20 replaces softplus by x
    "silu": F.silu,
    "gelu": F.gelu,
}


def derivatives(function):
    x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    y = function(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    second = torch.zeros_like(x)
    if first.requires_grad:
        (found,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
        second = second if found is None else found
    return {"value": y.tolist(), "first": first.tolist(), "second": second.tolist()}


def ties(function):
    a = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    y = function(a, b)
    y.sum().backward()
    return {"value": y.tolist(), "aGradient": a.grad.tolist(), "bGradient": b.grad.tolist()}


def clip(max_norm):
    before = [torch.linspace(-2, 3, 7, dtype=torch.float64), torch.linspace(0.5, -1, 4, dtype=torch.float64)]
    tensors = [torch.zeros_like(g, requires_grad=True) for g in before]
    for tensor, gradient in zip(tensors, before):
        tensor.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(tensors, max_norm)
    return {
        "maxNorm": max_norm,
        "norm": norm.item(),
        "before": [g.tolist() for g in before],
        "after": [t.grad.tolist() for t in tensors],
    }


def optimize(kind, options, torch_options):
    parameters = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0], dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, kind)([parameters], **torch_options)
    start, gradients, after = parameters.tolist(), [], []
    for step in range(6):
        gradient = torch.sin(torch.arange(5, dtype=torch.float64) * (step + 1)) * 10.0 ** (step - 3)
        parameters.grad = gradient
        gradients.append(gradient.tolist())
        optimizer.step()
        after.append(parameters.tolist())
    return {"type": kind.lower(), "options": options, "start": start, "gradients": gradients, "after": after}


def channels_first(x):
    return x.movedim(-1, 1)


def channels_last(x):
    return x.movedim(1, -1)


def norm_values(shape, seed):
    """x, gamma, beta and the cotangent of y, all channels last."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [shape, shape[-1:], shape[-1:], shape]
    return [torch.randn(s, dtype=torch.float64, generator=generator).round(decimals=3) for s in shapes]


def norm_step(module, x, gamma, beta, cotangent, layout=lambda x: x, back=lambda x: x):
    module = module.double()
    with torch.no_grad():
        module.weight.copy_(gamma)
        module.bias.copy_(beta)
    module.zero_grad()
    x = x.clone().requires_grad_()
    y = back(module(layout(x)))
    (y * cotangent).sum().backward()
    names = {"y": y, "xGradient": x.grad, "gammaGradient": module.weight.grad, "betaGradient": module.bias.grad}
    return {name: value.flatten().tolist() for name, value in names.items()}


def norm_inputs(x, gamma, beta, cotangent):
    names = {"x": x, "gamma": gamma, "beta": beta, "cotangent": cotangent}
    return {"shape": list(x.shape), **{name: value.flatten().tolist() for name, value in names.items()}}


def group_norm(shape, groups, seed):
    values = norm_values(shape, seed)
    module = torch.nn.GroupNorm(groups, shape[-1])
    step = norm_step(module, *values, layout=channels_first, back=channels_last)
    return {"kind": "groupNorm", "groups": groups, **norm_inputs(*values), **step}


def layer_norm(shape, seed):
    values = norm_values(shape, seed)
    return {"kind": "layerNorm", **norm_inputs(*values), **norm_step(torch.nn.LayerNorm(shape[-1]), *values)}


def batch_norm(shapes, momentum):
    """One module over several batches, then the last of them by the running statistics."""
    channels, rank = shapes[0][-1], len(shapes[0])
    module = {2: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}[rank](channels, momentum=momentum)
    layout = {} if rank == 2 else {"layout": channels_first, "back": channels_last}
    steps = []
    for seed, shape in enumerate(shapes):
        values = norm_values(shape, seed)
        step = norm_step(module, *values, **layout)
        state = [module.running_mean, module.running_var, module.num_batches_tracked[None]]
        running = [value for tensor in state for value in tensor.tolist()]
        steps.append({**norm_inputs(*values), **step, "running": running})
    inference = norm_step(module.eval(), *values, **layout)
    return {"kind": "batchNorm", "momentum": momentum, "steps": steps, "inference": inference}


def main():
    golden = {
        "format": FORMAT,
        "torch": torch.__version__,
        "points": POINTS,
        "activations": {name: derivatives(function) for name, function in ACTIVATIONS.items()},
        "erf": torch.erf(torch.tensor(POINTS, dtype=torch.float64)).tolist(),
        "ties": {"maximum": ties(torch.maximum), "minimum": ties(torch.minimum)},
        "clip": [clip(1.0), clip(100.0)],
        "norms": [
            group_norm([3, 2, 2, 6], 3, 1),
            group_norm([2, 3, 1, 4], 1, 2),
            group_norm([2, 4], 2, 3),
            layer_norm([2, 2, 2, 5], 4),
            layer_norm([3, 4], 5),
        ],
        # The last batch is smaller, as at the end of an epoch.
        "batchNorms": [
            batch_norm([[4, 2, 2, 3], [4, 2, 2, 3], [2, 2, 2, 3]], 0.1),
            batch_norm([[5, 3], [5, 3], [2, 3]], 0.3),
        ],
        "optimizers": [
            optimize("Adam", {"learningRate": 0.01}, {"lr": 0.01}),
            optimize(
                "Adam",
                {"learningRate": 0.01, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3},
                {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3},
            ),
            optimize("AdamW", {"learningRate": 0.01}, {"lr": 0.01}),
            optimize("AdamW", {"learningRate": 0.1, "weightDecay": 0.3}, {"lr": 0.1, "weight_decay": 0.3}),
            optimize("SGD", {"learningRate": 0.1}, {"lr": 0.1}),
            optimize("SGD", {"learningRate": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9}),
            optimize("Adagrad", {"learningRate": 0.02}, {"lr": 0.02}),
            optimize("Adagrad", {"learningRate": 0.02, "weightDecay": 0.1}, {"lr": 0.02, "weight_decay": 0.1}),
        ],
    }
    Path(__file__).with_name("operations.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
