/** A worker of a browser that has only synchronous access to files, as Safari before 26: three saves, then a damaged one. */
import { CheckpointStore } from '../../dist/storage.js';

delete FileSystemFileHandle.prototype.createWritable;

const store = await CheckpointStore.open('worker');
const load = async () => new TextDecoder().decode(await store.load());
for (const text of ['one', 'two', 'three']) await store.save(new TextEncoder().encode(text));
const answers = [await load()];
const root = await navigator.storage.getDirectory();
const folder = await (await root.getDirectoryHandle('webgpu-vae')).getDirectoryHandle('worker');
const access = await (await folder.getFileHandle('slot-0')).createSyncAccessHandle();
access.truncate(40); // torn, as by a crash within the third save
access.close();
answers.push(await load());
await store.close();
postMessage(answers);
