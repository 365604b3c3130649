/** What only Node has: a WebGPU implementation (Dawn), image files, pictures. */
export { openNodeGpu } from './dawn.js';
export { loadImages } from './data.js';
