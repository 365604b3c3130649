/** A process to be killed: trains on from the file that it is given, where there is one, and says which steps are saved. */
import { existsSync, readFileSync } from 'node:fs';
import { Device } from '../../dist/index.js';
import { openNodeGpu, writeAtomically } from '../../dist/node/index.js';
import { trainAndSave } from '../site/resume.js';

const path = process.argv[2];
const device = await Device.open({ gpu: await openNodeGpu({ notify: () => undefined }) });
await trainAndSave({
  device,
  resume: existsSync(path) ? readFileSync(path) : undefined,
  async save(checkpoint, step) {
    await writeAtomically(path, checkpoint);
    process.stdout.write(`saved ${step}\n`);
  },
});
process.stdout.write('done\n', () => process.exit(0));
