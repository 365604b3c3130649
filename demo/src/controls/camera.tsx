/** The visitor's camera: what the model makes of it, and its images as a data set. It is asked for by a button, and let go at once when it is closed. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Pixels } from 'webgpu-vae';
import { grab, openCamera, watchFrames } from '../camera.js';
import { trainOn } from '../choose-source.js';
import { addFrame, frames } from '../own-images.js';
import { note } from '../state.js';
import { LiveCanvas } from '../views/live-canvas.js';

const RECORDED = 100;
/** Frames lie so far apart that they differ. */
const RECORD_INTERVAL_MS = 60;

export function Camera() {
  const [stream, setStream] = useState<MediaStream>();
  useEffect(() => () => stop(stream), [stream]);
  const details = useRef<HTMLDetailsElement>(null);
  const open = async (): Promise<void> => {
    try {
      const opened = await openCamera();
      if (details.current?.open) setStream(opened);
      else stop(opened); // closed while the browser asked
    } catch (error) {
      note('warning', (error as Error).message);
    }
  };
  const close = (): void => setStream(undefined);
  return (
    <details ref={details} class="own" onToggle={({ currentTarget }) => currentTarget.open || close()}>
      <summary>Your camera</summary>
      {stream ? (
        <Viewer stream={stream} onClose={close} />
      ) : (
        <button type="button" onClick={() => void open()}>
          Open the camera
        </button>
      )}
      <Collected />
    </details>
  );
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function Viewer({ stream, onClose }: { readonly stream: MediaStream; readonly onClose: () => void }) {
  const ref = useRef<HTMLVideoElement>(null);
  const [frame, setFrame] = useState<Pixels>();
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const video = ref.current!;
    video.srcObject = stream;
    stream.getVideoTracks()[0]?.addEventListener('ended', onClose);
    return watchFrames(video, () => setFrame(grab(video)));
  }, [stream]);
  useRecorder(frame, left, setLeft);
  return (
    <>
      <div class="camera">
        {/* muted, and without any sound: there is nothing to caption */}
        <video ref={ref} autoplay muted playsInline aria-label="What your camera sees" />
        <Reconstruction frame={frame} />
      </div>
      <p class="faint">Left what the camera sees, right what the model makes of it.</p>
      <div class="row">
        <button type="button" disabled={!frame} onClick={() => frame && addFrame(frame)}>
          Capture
        </button>
        <button type="button" disabled={!frame} onClick={() => setLeft(left > 0 ? 0 : RECORDED)}>
          {left > 0 ? `Stop recording (${left} left)` : `Record ${RECORDED} frames`}
        </button>
        <button type="button" onClick={onClose}>
          Close the camera
        </button>
      </div>
    </>
  );
}

/** Keeps frames while some are `left` to be kept. */
function useRecorder(frame: Pixels | undefined, left: number, setLeft: (left: number) => void): void {
  const next = useRef(0);
  useEffect(() => {
    if (!frame || left === 0 || performance.now() < next.current) return;
    next.current = performance.now() + RECORD_INTERVAL_MS;
    addFrame(frame);
    setLeft(left - 1);
  }, [frame, left]);
}

function Reconstruction({ frame }: { readonly frame: Pixels | undefined }) {
  const drawing = useMemo(() => frame && { columns: 1, reconstruct: [frame] }, [frame]);
  return <LiveCanvas name="camera" drawing={drawing} label="The model's reconstruction of the camera" />;
}

function Collected() {
  const count = frames.value.length;
  if (count === 0) return null;
  return (
    <div class="row">
      <span>{count === 1 ? '1 camera image' : `${count} camera images`}</span>
      <button type="button" onClick={() => void trainOn('frames')}>
        Train on them
      </button>
      <button type="button" onClick={() => (frames.value = [])}>
        Forget them
      </button>
    </div>
  );
}
