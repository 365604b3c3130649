/**
 * A model of five latents for the page, of which two have collapsed: weights are drawn, but the encoder says mean 0 and variance 1
 * of the last two whatever it sees. Made without a GPU.
 */
import { writeModelFile } from '../src/vae/checkpoint/model-file.js';
import { Model } from '../src/vae/model.js';
import { completeSpec } from '../src/vae/spec.js';
import { elementCount, TestRandom } from './reference/tensor.js';

export const LATENTS = 5;
export const USED_LATENTS = 3;

/** The checkpoint. */
export async function fiveLatents(): Promise<Uint8Array> {
  const model = new Model(
    completeSpec({
      input: [28, 28, 1],
      latent: LATENTS,
      encoder: [{ type: 'dense', units: 32, activation: 'tanh' }],
      decoder: [{ type: 'dense', units: 32, activation: 'tanh' }],
    }),
  );
  const { set, state } = model.weights;
  const weights = new Float32Array(set.length);
  const random = new TestRandom(5);
  for (const { name, offset, shape } of set.entries) {
    const [inputs = 1] = shape;
    const scale = shape.length > 1 ? 2 / Math.sqrt(inputs) : 0;
    const values = Array.from({ length: elementCount(shape) }, () => scale * (2 * random.uniform() - 1));
    weights.set(
      values.map((value, i) => (name === 'moments.weight' && isCollapsed(i) ? 0 : value)),
      offset,
    );
  }
  return writeModelFile(model, { weights, state: new Float32Array(state.length) });
}

/** Whether an element of f32[32, 2K], means beside log-variances, belongs to a latent that is not used. */
function isCollapsed(element: number): boolean {
  return element % LATENTS >= USED_LATENTS; // 2K is a multiple of K
}
