/**
 * What the networks of a model make of fixed numbers, as a digest: two devices that agree on it round alike, as far as a
 * few rows can tell; bits-back needs them to agree on every row, and its decoder finds out at the end.
 */
import { DataError } from '../../gpu/errors.js';
import { symmetricUniform } from '../../gpu/threefry.js';
import type { Vae } from '../vae.js';
import { shortDigest } from './coded-file.js';

/** Streams of Threefry, away from those of training. */
const PROBE_STREAM = 0x62697400;
const PROBE_ROWS = 4;

/** 16 hexadecimal digits of what the networks make of fixed numbers, and the adapter's name, as UTF-8. */
export async function signature(vae: Vae): Promise<Uint8Array> {
  return new TextEncoder().encode(`${await probe(vae)} ${vae.device.description}`);
}

async function probe(vae: Vae): Promise<string> {
  const { spec, model } = vae;
  const outputs: number[] = [];
  for (let row = 0; row < PROBE_ROWS; row++) {
    const x = symmetricUniform(model.width, row, PROBE_STREAM).map((u) => (u + 1) / 2);
    const { mean, logVariance } = await vae.encode(x);
    const z = symmetricUniform(spec.latent, row, PROBE_STREAM + 1).map((u) => 2 * u);
    outputs.push(...mean, ...logVariance, ...(await vae.decode(z)));
  }
  return shortDigest(new Uint8Array(Float32Array.from(outputs).buffer));
}

/** Refuses a file whose networks gave other bits. @throws DataError */
export async function checkSignature(vae: Vae, extra: Uint8Array, where: string): Promise<void> {
  const [stated = '', ...name] = new TextDecoder().decode(extra).slice(0, 256).split(' ');
  const found = await probe(vae);
  if (stated === found) return;
  throw new DataError(
    where,
    `was made where the networks gave ${JSON.stringify(stated)} for fixed numbers (${JSON.stringify(name.join(' '))}); ` +
      `here (${vae.device.description}) they give ${found}; decode it on the adapter that made it`,
  );
}
