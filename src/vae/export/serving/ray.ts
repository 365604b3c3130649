/** ray_batch.py: encodes a data set with Ray Data on as many machines as a cluster has. */
import { tuple } from '../torch/python.js';
import type { ModelNetworks } from '../model-networks.js';

export function rayPython({ networks: { datum, conditionWidth } }: { networks: ModelNetworks }): string {
  const isTold = conditionWidth > 0;
  const labels = isTold
    ? `
    labels = np.load(options.labels).astype(np.int64)
    for row, label in zip(rows, labels):
        row["label"] = label`
    : '';
  const feed = isTold
    ? '{"x": x, "condition": np.eye(CLASSES, dtype=np.float32)[batch["label"]]}'
    : '{"x": x}';
  return `"""Encodes every row of a .npy file with Ray Data, and writes the latents as Parquet.

    pip install "ray[data]" onnxruntime
    python ray_batch.py --data images.npy --out latents        here, or on the cluster that RAY_ADDRESS names

Data are bytes, of which 255 is 1, or floats as the model takes them, f32[N, ...] with channels last.
"""

import argparse
import os

import numpy as np
import onnxruntime
import ray

DATA_SHAPE = ${tuple(datum)}
CLASSES = ${conditionWidth}
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models", "encoder", "1", "model.onnx")


class Encoder:
    """One worker's session; the model's bytes travel with it."""

    def __init__(self, model):
        self.session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, batch):
        x = np.ascontiguousarray(batch["x"], dtype=np.float32)
        return {"row": batch["row"], **dict(zip(self.names, self.session.run(self.names, ${feed})))}


def read_rows(path):
    """f32[N, *DATA_SHAPE]"""
    array = np.load(path)
    values = array.astype(np.float32) / (255 if array.dtype == np.uint8 else 1)
    if len(DATA_SHAPE) == 1:
        return values.reshape(-1, *DATA_SHAPE)
    channels, height, width = DATA_SHAPE
    return np.moveaxis(values.reshape(-1, height, width, channels), -1, 1)


def main():
    parser = argparse.ArgumentParser(description="Encodes a data set with Ray Data.")
    parser.add_argument("--data", required=True, help="a .npy file")
${isTold ? '    parser.add_argument("--labels", required=True, help="the class of each row: a .npy file")\n' : ''}    parser.add_argument("--out", default="latents", help="where the Parquet files go")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    rows = [{"row": index, "x": x} for index, x in enumerate(read_rows(options.data))]${labels}
    with open(MODEL, "rb") as file:
        model = file.read()
    ray.data.from_items(rows).map_batches(
        Encoder, fn_constructor_args=(model,), batch_size=options.batch, concurrency=options.workers
    ).write_parquet(options.out)


if __name__ == "__main__":
    main()
`;
}
