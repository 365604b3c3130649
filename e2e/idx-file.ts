/** The bytes of an IDX file: a big-endian magic number and sizes before the body. */
export function idxFile(magic: number, dims: readonly number[], body: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + body.length);
  const view = new DataView(bytes.buffer);
  [magic, ...dims].forEach((word, i) => view.setUint32(4 * i, word));
  bytes.set(body, 4 + 4 * dims.length);
  return bytes;
}
