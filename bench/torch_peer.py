"""PyTorch on the CPU in float32 as a peer: answers requests, one JSON object a line.

    python3 bench/torch_peer.py FOLDER
"""

import json
import pathlib
import sys
import time

import torch
from torch.nn.functional import conv2d

from reference import Convolutional, Training, load, load_settings


class TrainingWork:
    def __init__(self, folder):
        self.training = Training(folder, torch.float32)
        self.losses = []

    def step(self):
        self.losses.append((self.training.next, self.training.step()))

    def evidence(self):
        return {"losses": self.losses}


class LayerWork:
    """One convolution, or both of its gradients, without autograd's bookkeeping in the measured time."""

    def __init__(self, folder):
        self.folder = folder
        self.tensors = load(folder, torch.float32)
        self.backward = load_settings(folder)["kind"] == "conv-backward"

    def step(self):
        x, weight, cotangent = (self.tensors[name] for name in ("x", "weight", "cotangent"))
        if not self.backward:
            with torch.no_grad():
                self.outputs = [conv2d(x, weight, stride=2, padding=1)]
            return
        geometry = ([2, 2], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False])
        self.outputs = torch.ops.aten.convolution_backward(cotangent, x, weight, None, *geometry)[:2]

    def evidence(self):
        return write_outputs(self.folder, self.outputs)


class DecodeWork:
    def __init__(self, folder):
        self.folder = folder
        tensors = load(folder, torch.float32)
        self.z = tensors.pop("z")
        self.model = Convolutional(tensors)

    def step(self):
        with torch.no_grad():
            self.pixels = torch.sigmoid(self.model.decode(self.z))

    def evidence(self):
        return write_outputs(self.folder, [self.pixels])


def write_outputs(folder, outputs):
    for i, output in enumerate(outputs):
        pathlib.Path(folder, f"output{i}.bin").write_bytes(output.numpy().tobytes())
    return {"outputCount": len(outputs)}



WORK = {
    "dense-step": TrainingWork,
    "conv-step": TrainingWork,
    "conv-forward": LayerWork,
    "conv-backward": LayerWork,
    "decode-one": DecodeWork,
}


class Peer:
    """The verbs of a contestant; `open` times set-up and first step together, as the page does."""

    def __init__(self, folder):
        self.folder = folder

    def open(self):
        start = time.perf_counter()
        self.work = WORK[load_settings(self.folder)["kind"]](self.folder)
        self.work.step()
        return {"firstMs": (time.perf_counter() - start) * 1e3, "adapter": f"PyTorch {torch.__version__}"}

    def timed_step(self):
        start = time.perf_counter()
        self.work.step()
        return (time.perf_counter() - start) * 1e3

    def sample(self, count):
        return {"timesMs": [self.timed_step() for _ in range(count)]}

    def burst(self, count):
        return sum(self.timed_step() for _ in range(count)) / count

    def evidence(self):
        return self.work.evidence()


def answer(peer, request):
    try:
        return {"value": getattr(peer, request["verb"])(*request["arguments"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    peer = Peer(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
