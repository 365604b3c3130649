/** The page's half: offers the runs to the test, here and in a worker, and counts what the policy refuses. */
import * as coding from '../../dist/coding.js';
import * as library from '../../dist/index.js';
import * as interop from '../../dist/interop.js';
import * as storage from '../../dist/storage.js';
import * as inWorker from '../../dist/worker.js';
import { recode } from './coding.js';
import { readStore, trainIntoStore } from './resume.js';
import { train } from './run.js';

const violations = [];
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  violations.push(`${violatedDirective} ${blockedURI}`),
);

/** @param {Parameters<typeof train>[0]} task */
function trainInWorker(task) {
  const worker = new Worker('/e2e/site/worker.js', { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => {
      worker.terminate();
      if ('error' in data) reject(new Error(data.error));
      else resolve(data.result);
    });
    worker.addEventListener('error', (event) =>
      reject(new Error(`the worker did not start: ${event.message}`)),
    );
    worker.postMessage(task, []);
  });
}

globalThis.site = {
  library,
  coding,
  interop,
  storage,
  worker: inWorker,
  readStore,
  recode,
  train,
  trainIntoStore,
  trainInWorker,
  violations,
};
