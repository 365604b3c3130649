/**
 * Convolutions and deconvolutions by reshape. An asymmetric padding is a ZeroPad2d of its own in PyTorch's
 * Sequential, and a deconvolution a Conv2d, a PixelShuffle, and a ZeroPad2d of negative size where it crops.
 */
import { SpecError } from '../../gpu/errors.js';
import { scoped, type Tensor } from '../../gpu/graph.js';
import { add } from '../../gpu/ops/binary.js';
import { conv2d, convGeometry, outputSize, type ConvGeometry } from '../../gpu/ops/conv.js';
import { depthToSpace } from '../../gpu/ops/depth-to-space.js';
import { activate } from '../../gpu/ops/unary.js';
import { slice } from '../../gpu/ops/window.js';
import { bothAxes } from '../../gpu/shape.js';
import type { ConvSpec, DeconvSpec } from '../layer-spec.js';
import { activationPlaces, imageOf, nameAt, type Extent, type Layer, type Site } from './layer.js';

/** A ZeroPad2d stands before the Conv2d where PyTorch's symmetric padding cannot say it. */
function paddingPlaces({ padding: [top, bottom, left, right] }: ConvGeometry): number {
  return top === bottom && left === right ? 0 : 1;
}

/** [H, W, C] -> [OH, OW, channels]. */
export function conv(spec: ConvSpec, extent: Extent, site: Site): Layer {
  const { channels, kernel, stride = 1, padding = 'same', activation } = spec;
  const [H, W, C] = imageOf(extent, site);
  const geometry = convGeometry([H, W], bothAxes(kernel), { stride, padding });
  const pads = paddingPlaces(geometry);
  const name = nameAt(site, pads);
  const { weight, bias } = site.weights.conv(name, [...geometry.kernel, C, channels]);
  return {
    shape: [...outputSize(geometry), channels],
    places: pads + 1 + activationPlaces(activation),
    apply: (x) =>
      scoped(name, () => activate(add(conv2d(x, weight, geometry), bias), activation ?? 'identity')),
  };
}

/** [H, W, C] -> [factor * OH - rows, factor * OW - columns, channels], OH x OW by the convolution's padding. */
export function deconv(spec: DeconvSpec, extent: Extent, site: Site): Layer {
  const { channels, factor = 2, kernel = 3, padding = 'same', crop = [0, 0], activation } = spec;
  const [H, W, C] = imageOf(extent, site);
  const geometry = convGeometry([H, W], bothAxes(kernel), { padding });
  const pads = paddingPlaces(geometry);
  const name = nameAt(site, pads);
  const full = outputSize(geometry).map((value) => value * factor);
  const size = full.map((value, axis) => value - crop[axis]!);
  if (size.some((value) => value < 1))
    throw new SpecError(
      site.where,
      `deconv makes [${full.join(', ')}] pixels; expected more than its crop [${crop.join(', ')}]; crop less`,
    );
  const parameters = site.weights.conv(name, [...geometry.kernel, C, factor * factor * channels], factor);
  const apply = (x: Tensor): Tensor => {
    const coarse = add(conv2d(x, parameters.weight, geometry), parameters.bias);
    const y = activate(depthToSpace(coarse, factor), activation ?? 'identity');
    return size.reduce((image, length, axis) => cropped(image, axis + 1, length), y);
  };
  return {
    shape: [...size, channels],
    places: pads + 2 + (crop.some((pixels) => pixels > 0) ? 1 : 0) + activationPlaces(activation),
    apply: (x) => scoped(name, () => apply(x)),
  };
}

function cropped(image: Tensor, axis: number, length: number): Tensor {
  return image.shape[axis] === length ? image : slice(image, axis, 0, length);
}
