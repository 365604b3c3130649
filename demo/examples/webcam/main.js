/**
 * A webcam and what a VAE makes of it, learning from the camera as it runs: every frame goes from the video into a row on the
 * GPU and from there through the model onto a canvas. The rows to train on are the only numbers that are read back.
 */
import { denseSpec, Device, Vae } from 'webgpu-vae';
import { ImageReader, ModelCanvas } from 'webgpu-vae/interop';
import { readBuffer } from 'webgpu-vae/gpu';

const SHAPE = [32, 32, 3];
const WIDTH = 32 * 32 * 3;
const ROWS = 16; // frames of a training round

const status = document.querySelector('#status');
const video = document.querySelector('video');
video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
await video.play();

const device = await Device.open();
const { gpu } = device;
const vae = await Vae.create(denseSpec({ input: SHAPE, hidden: 200, latent: 32 }), { device });
const shown = await ModelCanvas.create(vae, document.querySelector('canvas'));

const reader = await ImageReader.create(device, SHAPE);
const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
const rows = gpu.createBuffer({ label: 'camera frames', size: 4 * ROWS * WIDTH, usage });
const state = { frames: 0, rounds: 0, squaredError: Number.NaN };
globalThis.example = { state, vae, device }; // for the console, and for tests

let isTraining = false;
video.requestVideoFrameCallback(() => void onFrame());

async function onFrame() {
  const encoder = gpu.createCommandEncoder();
  reader.record(encoder, video, rows, state.frames % ROWS);
  gpu.queue.submit([encoder.finish()]);
  await shown.reconstruct(video);
  state.frames++;
  if (state.frames % ROWS === 0 && !isTraining) void train();
  video.requestVideoFrameCallback(() => void onFrame());
}

/** A few epochs on the last frames, while the next ones are shown. */
async function train() {
  isTraining = true;
  const values = new Float32Array(await readBuffer(device, rows, 0, rows.size));
  await vae.train({ rows: ROWS, shape: SHAPE, values }, { epochs: 5, batchSize: 16, learningRate: 2e-3 });
  const made = await vae.reconstruct(values);
  state.squaredError = values.reduce((sum, value, i) => sum + (value - made[i]) ** 2, 0) / values.length;
  state.rounds++;
  status.textContent = `${state.frames} frames, ${state.rounds} rounds of training, mean squared error ${state.squaredError.toFixed(4)}`;
  isTraining = false;
}
