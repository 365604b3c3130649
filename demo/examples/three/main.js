/**
 * Decoded images on a mesh of three.js, on three's own GPUDevice. A frame decodes a walk through the latent space into a
 * texture that the mesh shows; no number leaves the GPU.
 */
import {
  ExternalTexture,
  Mesh,
  MeshBasicNodeMaterial,
  NearestFilter,
  PerspectiveCamera,
  Scene,
  BoxGeometry,
  WebGPURenderer,
} from 'three/webgpu';
import { denseSpec, Device, Vae } from 'webgpu-vae';
import { gpuDecoder, ImageWriter } from 'webgpu-vae/interop';
import { stripes } from '../stripes.js';

const GRID = 4; // images along both axes of the texture
const LATENT = 4;
const status = document.querySelector('#status');

const renderer = new WebGPURenderer();
await renderer.init();
const side = Math.min(innerWidth, innerHeight, 512);
renderer.setSize(side, side);
document.body.append(renderer.domElement);

const gpu = renderer.backend.device; // ours for as long as three.js keeps it
const device = Device.borrow(gpu);
const data = stripes(256);
const vae = await Vae.create(denseSpec({ input: data.shape, hidden: 128, latent: LATENT }), { device });
await vae.train(data, { epochs: 20, batchSize: 32, learningRate: 3e-3 });

const rows = GRID * GRID;
const decoder = await gpuDecoder(vae, { rows });
const writer = await ImageWriter.create(device, { shape: data.shape, rows });
const texture = gpu.createTexture({
  label: 'decoded images',
  size: [writer.width, writer.height],
  format: writer.format,
  usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC,
});

const map = new ExternalTexture(texture);
map.magFilter = NearestFilter;
const cube = new Mesh(new BoxGeometry(), new MeshBasicNodeMaterial({ map }));
const scene = new Scene().add(cube);
const camera = new PerspectiveCamera(45, 1, 0.1, 10);
camera.position.z = 2.5;

const z = new Float32Array(rows * LATENT);
let frames = 0;
let since = performance.now();
renderer.setAnimationLoop((time) => {
  for (let i = 0; i < z.length; i++) z[i] = 1.5 * Math.sin(time / 900 + 1.7 * i);
  gpu.queue.writeBuffer(decoder.input, 0, z);
  const encoder = gpu.createCommandEncoder();
  decoder.record(encoder);
  writer.record(encoder, decoder.output, texture);
  gpu.queue.submit([encoder.finish()]);

  cube.rotation.set(time / 4000, time / 3000, 0);
  renderer.render(scene, camera);
  if (++frames % 30 === 0) {
    const seconds = (performance.now() - since) / 1000;
    status.textContent = `${(30 / seconds).toFixed(0)} frames a second, ${rows} images decoded in each`;
    since = performance.now();
  }
});

/** For the console, and for tests. */
globalThis.example = { renderer, device, vae, texture, decoder, writer, frames: () => frames };
