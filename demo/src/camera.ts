/** The camera of this device: opened when it is asked for, its frames as small pictures. */
import type { Pixels } from 'webgpu-vae';

/** Frames are kept as large as the largest image that a model of this page takes. */
const SIDE = 64;

const advice: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The camera was not allowed; if you want to use it, allow it beside the address, and open it again.',
  NotFoundError: 'This device has no camera that a page can use; connect one, or bring images as files.',
  NotReadableError: 'The camera is in use by another program; close that one, and open it again.',
};

/** @throws Error with plain advice */
export async function openCamera(): Promise<MediaStream> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) throw new Error('Browsers give the camera to safe addresses only; open this page by https.');
  try {
    return await devices.getUserMedia({ video: { width: { ideal: 320 }, facingMode: 'environment' } });
  } catch (error) {
    const { name, message } = error as DOMException;
    throw new Error(advice[name] ?? `The camera did not open (${message}); try again.`, { cause: error });
  }
}

/** Calls for every new frame until the returned function is called. */
export function watchFrames(video: HTMLVideoElement, onFrame: () => void): () => void {
  let isOver = false;
  const ask = (): void => {
    // the older Firefox has frames of the screen only
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  const next = (): void => {
    if (isOver) return;
    if (video.videoWidth > 0) onFrame();
    ask();
  };
  ask();
  return () => void (isOver = true);
}

let context: CanvasRenderingContext2D | undefined;

/** The middle of the frame, square. */
export function grab(video: HTMLVideoElement): Pixels {
  context ??= smallCanvas();
  const { videoWidth, videoHeight } = video;
  const side = Math.min(videoWidth, videoHeight);
  context.drawImage(video, (videoWidth - side) / 2, (videoHeight - side) / 2, side, side, 0, 0, SIDE, SIDE);
  return context.getImageData(0, 0, SIDE, SIDE);
}

function smallCanvas(): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIDE;
  return canvas.getContext('2d', { willReadFrequently: true })!;
}
