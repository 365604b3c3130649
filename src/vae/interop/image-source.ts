/** What can be read as a picture: its size, and its pixels in a texture. Nothing of it passes a canvas or a read-back. */
import { DataError } from '../../gpu/errors.js';
import type { Pixels } from '../data/image.js';

/**
 * An ImageBitmap, VideoFrame, ImageData, canvas, video or img element, RGBA bytes, or a texture with TEXTURE_BINDING
 * (stored values are taken as they are; a format of one channel is grey).
 */
export type ImageSource = GPUCopyExternalImageSource | Pixels | GPUTexture;

export interface Size {
  readonly width: number;
  readonly height: number;
}

export function isTexture(source: ImageSource): source is GPUTexture {
  return 'createView' in source;
}

/** Pixels in memory, such as an ImageData: RGBA bytes. */
function isPixels(source: ImageSource): source is Pixels {
  return 'data' in source;
}

/** @throws DataError for a picture without pixels, such as a video that has not loaded */
export function sizeOf(source: ImageSource): Size {
  const { width, height } = rawSize(source);
  if (width >= 1 && height >= 1) return { width, height };
  throw new DataError(
    'imageReader',
    `the picture is ${width}x${height}; expected at least one pixel; wait until it has loaded (loadeddata of a video)`,
  );
}

function rawSize(source: ImageSource): Size {
  if ('displayWidth' in source) return { width: source.displayWidth, height: source.displayHeight };
  if ('videoWidth' in source) return { width: source.videoWidth, height: source.videoHeight };
  if ('naturalWidth' in source) return { width: source.naturalWidth, height: source.naturalHeight };
  return source;
}

/** Brings the pixels into `texture`, a texture of their size, before what is submitted next. @throws DataError */
export function upload(queue: GPUQueue, source: Exclude<ImageSource, GPUTexture>, texture: GPUTexture): void {
  const { width, height } = texture;
  if (!isPixels(source)) {
    queue.copyExternalImageToTexture({ source }, { texture, premultipliedAlpha: false }, [width, height]);
    return;
  }
  const { data } = source;
  if (data.byteLength !== 4 * width * height)
    throw new DataError(
      'imageReader',
      `a picture of ${width}x${height} has ${data.byteLength} bytes; expected ${4 * width * height}, RGBA; pass what getImageData gives`,
    );
  queue.writeTexture({ texture }, data as Uint8Array<ArrayBuffer>, { bytesPerRow: 4 * width }, [
    width,
    height,
  ]);
}
