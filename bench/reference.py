"""The dense VAE's training step in PyTorch, written for reading: the peer on the CPU in float32, and the
truth for everybody's losses in float64. It trains on the tensors that the benchmark wrote to a folder.

    python3 bench/reference.py truth FOLDER STEPS    prints the float64 losses as JSON
    python3 bench/reference.py peer FOLDER           answers requests, one JSON object a line
"""

import json
import pathlib
import sys
import time

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, linear, relu


def load(folder, dtype):
    """Tensors by name, from tensors.json (shapes) and NAME.bin (little-endian float32)."""
    folder = pathlib.Path(folder)
    shapes = json.loads((folder / "tensors.json").read_text())

    def read(name):
        data = bytearray((folder / f"{name}.bin").read_bytes())
        return torch.frombuffer(data, dtype=torch.float32).reshape(shapes[name]).to(dtype)

    return {name: read(name) for name in shapes}


class Training:
    def __init__(self, folder, dtype):
        tensors = load(folder, dtype)
        settings = json.loads((pathlib.Path(folder) / "settings.json").read_text())
        self.batch_size, self.batch_count = settings["batchSize"], settings["batchCount"]
        self.x, self.noise = tensors.pop("x"), tensors.pop("noise")
        self.weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
        self.optimizer = torch.optim.Adam(self.weights.values(), lr=settings["learningRate"])
        self.next = 0

    def dense(self, x, layer):
        return linear(x, self.weights[f"{layer}.weight"], self.weights[f"{layer}.bias"])

    def loss(self, x, noise):
        hidden = relu(self.dense(x, "encoder"))
        mean, log_variance = self.dense(hidden, "mean"), self.dense(hidden, "logVariance")
        z = mean + noise * torch.exp(log_variance / 2)
        logits = self.dense(relu(self.dense(z, "decoder")), "output")
        cross_entropy = binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
        return (cross_entropy + kl) / len(x)

    def step(self):
        start = self.next % self.batch_count * self.batch_size
        rows = slice(start, start + self.batch_size)
        loss = self.loss(self.x[rows], self.noise[rows])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.next += 1
        return loss.item()


class Peer:
    """The verbs of a contestant; `open` times set-up and first step together, as the page does."""

    def __init__(self, folder):
        self.folder = folder
        self.losses = []

    def open(self):
        start = time.perf_counter()
        self.training = Training(self.folder, torch.float32)
        self.timed_step()
        return {"firstMs": (time.perf_counter() - start) * 1e3, "adapter": f"PyTorch {torch.__version__}"}

    def timed_step(self):
        start = time.perf_counter()
        self.losses.append((self.training.next, self.training.step()))
        return (time.perf_counter() - start) * 1e3

    def sample(self, count):
        return {"timesMs": [self.timed_step() for _ in range(count)]}

    def burst(self, count):
        return sum(self.timed_step() for _ in range(count)) / count

    def evidence(self):
        return {"losses": self.losses}


def answer(peer, request):
    try:
        return {"value": getattr(peer, request["verb"])(*request["arguments"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    command, folder = sys.argv[1:3]
    if command == "truth":
        training = Training(folder, torch.float64)
        print(json.dumps([training.step() for _ in range(int(sys.argv[3]))]))
        return
    peer = Peer(folder)
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
