/** What only Node has: a WebGPU implementation (Dawn), image files, pictures. */
export { openNodeGpu } from './dawn.js';
export { loadImages } from './data.js';
export { writeAtomically } from './atomic-file.js';
