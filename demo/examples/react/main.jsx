/** @jsxImportSource react */
/** Samples of a model that trains in a worker, in a React component; the worker draws on the canvas. */
import { useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { denseSpec } from 'webgpu-vae';
import { stripes } from '../stripes.js';
import { useVae } from './use-vae.js';

const data = stripes(256);
const spec = denseSpec({ input: data.shape, hidden: 128, latent: 4 });
const options = { epochs: 20, batchSize: 32, learningRate: 3e-3 };

function Samples() {
  const { vae, progress, isTrained, error } = useVae(spec, data, options);
  const [seed, setSeed] = useState(0);
  const canvas = useRef(null);
  const shown = useRef(null);
  useEffect(() => {
    if (vae) shown.current = vae.show(canvas.current, { rows: 16 });
  }, [vae]);
  useEffect(() => {
    void shown.current?.then((drawn) => drawn.sample({ seed })).catch(console.error);
  }, [seed, isTrained, progress]);
  return (
    <>
      <p role="status">
        {error?.message ??
          (isTrained ? 'trained' : `step ${progress?.step ?? 0} of ${progress?.totalSteps ?? '?'}`)}
      </p>
      <canvas ref={canvas} aria-label="16 samples" />
      <p>
        <button onClick={() => setSeed(seed + 1)}>other samples</button>
      </p>
    </>
  );
}

createRoot(document.querySelector('#root')).render(<Samples />);
