/** A coded file in the page: read, decoded, and written anew. Bytes travel as base64, which is quicker than lists of numbers. */
import * as coding from '../../dist/coding.js';
import { Vae } from '../../dist/index.js';

/**
 * What the page makes of Node's file, and the file that it makes of the same images.
 *
 * @param {{ model: string, file: string, rows: number, shape: number[], pixels: string }} task
 */
export async function recode({ model, file, rows, shape, pixels }) {
  const vae = await Vae.load(toBytes(model));
  const { latents } = await coding.readLatents(vae, toBytes(file));
  const images = await coding.decompress(vae, toBytes(file));
  const written = await coding.compress(vae, { rows, shape, values: toBytes(pixels) });
  const own = await coding.readLatents(vae, written.bytes);
  vae.destroy();
  return {
    latents: toText(latents),
    pixels: toText(images.values),
    written: toText(written.bytes),
    ownLatents: toText(own.latents),
  };
}

/** @param {string} text */
function toBytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** @param {Uint8Array | Int32Array | Float32Array} values */
function toText({ buffer, byteOffset, byteLength }) {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  const letters = [];
  for (let i = 0; i < bytes.length; i += 8192)
    letters.push(String.fromCharCode(...bytes.subarray(i, i + 8192)));
  return btoa(letters.join(''));
}
