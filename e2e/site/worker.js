/** The worker's half: one run, answered with plain data. */
import { train } from './run.js';

addEventListener('message', ({ data }) => void answer(data));

/** @param {Parameters<typeof train>[0]} task */
async function answer(task) {
  try {
    postMessage({ result: await train(task) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
}
