/** Checkpoints in a browser: kept where a closed tab cannot tear them, and fetched with progress. */
export { CheckpointStore } from './checkpoint-store.js';
export { fetchCheckpoint, type FetchOptions } from './fetch-checkpoint.js';
