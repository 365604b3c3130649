/**
 * Plan: weights of PyTorch's ConvTranspose2d in the deconv layer on the GPU. Goldens of six kinds (exact in float32,
 * so the outputs are the same to the last bit), through a model file: the layer that the conversion names, the
 * weights that it gives, in the file as Conv2d and PixelShuffle.
 */
import { expect, test } from '@playwright/test';
import { convBiasToTorch, convWeightToTorch } from '../../src/vae/convert/convolution.js';
import { deconvFromTorch } from '../../src/vae/convert/transposed-convolution.js';
import { Model } from '../../src/vae/model.js';
import { completeSpec, type VaeSpec } from '../../src/vae/spec.js';
import * as golden from '../goldens/convolutions.js';
import { float32, loadModel } from '../model.js';
import { nodeDevice } from '../node-device.js';
import { fromValues, zeros, type F64 } from '../reference/tensor.js';
import type { Parameters } from '../reference/vae.js';

/** A file's tensors for a model, of zeros but those given. */
function parametersOf(spec: VaeSpec, given: Record<string, F64>): Parameters {
  const { weights } = new Model(completeSpec(spec));
  return new Map(
    weights.fileTensors().map(({ layout: { name, shape } }) => [name, given[name] ?? zeros(shape)]),
  );
}

for (const row of golden.loadConvolutions().transposed)
  test(`conv_transpose2d of ${golden.describeTransposed(row)}`, async () => {
    const [weight, bias] = [golden.read(row.weight), golden.read(row.bias)];
    const stored = { shape: weight.shape, values: float32(weight) };
    const converted = deconvFromTorch(stored, float32(bias), row);
    const [x, y] = [golden.image(row.x), golden.image(row.y)];
    const coarse = x.shape.slice(1) as [number, number, number];
    const spec: VaeSpec = {
      input: y.shape.slice(1),
      latent: coarse.reduce((a, b) => a * b),
      encoder: [],
      decoder: [{ type: 'reshape', shape: coarse }, converted.layer],
      likelihood: { type: 'gaussian', scale: 1 },
    };
    const { padding } = converted.layer;
    const isAsymmetric = Array.isArray(padding) && padding[0] !== padding[1];
    const name = isAsymmetric ? 'decoder.2' : 'decoder.1'; // behind a ZeroPad2d
    const conv = convWeightToTorch(converted.weight, row.stride);
    const parameters = parametersOf(spec, {
      [`${name}.weight`]: fromValues(conv.shape, conv.values),
      [`${name}.bias`]: fromValues([conv.shape[0]], convBiasToTorch(converted.bias, row.stride)),
    });
    const vae = await loadModel(spec, parameters, await nodeDevice());
    const decoded = await vae.decode(float32(x));
    vae.destroy();
    expect(decoded).toHaveLength(y.values.length);
    expect(decoded.map((value) => value + 0)).toEqual(float32(y)); // 0 and -0 are the same
  });
