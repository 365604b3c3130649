/**
 * train_ddp.py: continues a training under torchrun, or in one process.
 * @param objective what the model was trained with, where that was not the bound
 */
export function trainPython(hasCondition: boolean, objective?: string): string {
  const others =
    objective === undefined ? '' : `\nTrains the bound: the objective ${objective} is not here.\n`;
  const labels = hasCondition
    ? `
def one_hot(path):
    """Labels of a .npy file or an IDX file as f32[N, classes]."""
    return F.one_hot(torch.from_numpy(read_array(path).astype("int64")), CLASSES).float()

`
    : '';
  return `"""Continues the training of model.safetensors, on any number of machines and devices.

    python train_ddp.py --data images.npy                                    one process, GPU or CPU
    torchrun --nproc_per_node 8 train_ddp.py --data images.npy               8 GPUs of a machine
    torchrun --nnodes 4 --nproc_per_node 8 --rdzv_backend c10d \\\\
        --rdzv_endpoint HOST:29500 train_ddp.py --data images.npy            4 machines

Data are a .npy file or an IDX file (.gz too): bytes, of which 255 is 1, or floats as the model takes them, f32[N, ...] with
channels last. The result goes to --out, under the same names: webgpu-vae and model.py load it. Adam's moments start anew.
${others}"""

import argparse
import gzip
import os
import socket

import numpy as np
import torch
import torch.distributed as dist
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from model import CLASSES, DATA_SHAPE, load, read_safetensors, write_safetensors


def read_array(path):
    """The array of a .npy file, or of an IDX file of bytes."""
    if path.endswith(".npy"):
        return np.load(path)
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        data = file.read()
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def read_data(path):
    """f32[N, *DATA_SHAPE]"""
    array = read_array(path)
    values = torch.from_numpy(np.array(array)).float() / (255 if array.dtype == np.uint8 else 1)
    if len(DATA_SHAPE) == 1:
        return values.reshape(-1, *DATA_SHAPE)
    channels, height, width = DATA_SHAPE
    return values.reshape(-1, height, width, channels).movedim(-1, 1)

${labels}
def start_processes():
    """Joins what torchrun started; alone, it is a group of one."""
    if "RANK" not in os.environ:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    has_gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if has_gpu else "gloo")
    if not has_gpu:
        return torch.device("cpu")
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]))


def save(model, path, metadata):
    if dist.get_rank() == 0:
        write_safetensors(path, model.module.state_dict(), metadata)


def train(options, device):
    tensors = [read_data(options.data)${hasCondition ? ', one_hot(options.labels)' : ''}]
    sampler = DistributedSampler(TensorDataset(*tensors), seed=options.seed)
    loader = DataLoader(TensorDataset(*tensors), batch_size=options.batch, sampler=sampler, drop_last=True)
    if len(loader) == 0:
        raise SystemExit(f"[train_ddp] {len(tensors[0])} rows make no batch of {options.batch} a process; pass --batch")
    model = load(options.model).to(device).train()
    model = DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    metadata = read_safetensors(options.model)[1]
    step = 0
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        for x, *condition in loader:
            x = x.to(device)
            x = torch.bernoulli(x) if options.binarize else x
            loss, reconstruction, kl = model(x, *[c.to(device) for c in condition], beta=options.beta)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if dist.get_rank() == 0 and (step % 50 == 1 or step == options.steps):
                print(f"step {step} reconstruction {reconstruction:.3f} kl {kl:.3f}", flush=True)
            if step == options.steps:
                return save(model, options.out, metadata)
        save(model, options.out, metadata)


def main():
    parser = argparse.ArgumentParser(description="Continues the training of a model of webgpu-vae.")
    parser.add_argument("--data", required=True, help="a .npy file or an IDX file")
${hasCondition ? '    parser.add_argument("--labels", required=True, help="the class of each row: a .npy file or an IDX file")\n' : ''}    parser.add_argument("--model", default="model.safetensors")
    parser.add_argument("--out", default="trained.safetensors")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, help="stop after as many")
    parser.add_argument("--batch", type=int, default=128, help="rows a step and process")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--beta", type=float, default=1.0, help="weight of the KL term")
    parser.add_argument("--binarize", action="store_true", help="draw every value as 0 or 1 in every step")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    device = start_processes()
    torch.manual_seed(options.seed + 1000 * dist.get_rank())
    try:
        train(options, device)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
`;
}
