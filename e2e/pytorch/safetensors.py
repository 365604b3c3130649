"""The safetensors format: a header's length, the header as JSON, the numbers."""

import json
import math
import struct

import torch

DTYPES = {"F32": torch.float32, "I64": torch.int64}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def read(path):
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    metadata = header.pop("__metadata__", {})
    tensor = lambda dtype, shape, data_offsets: torch.frombuffer(
        bytearray(body[slice(*data_offsets)]), dtype=DTYPES[dtype], count=math.prod(shape)
    ).reshape(shape)
    return {name: tensor(**entry) for name, entry in header.items()}, metadata


def write(path, tensors, metadata):
    header, body = {"__metadata__": {**metadata, "sha256": "none"}}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().contiguous().numpy().tobytes()
        offsets = [len(body), len(body) + len(values)]
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        body += values
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)
