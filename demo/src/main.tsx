/** The page begins: what its address says, its parts, the GPU, the model and the images; last its offline copy, which is in no hurry. */
import { render } from 'preact';
import { followAddress } from './address.js';
import { Page } from './page.js';
import { start } from './session.js';
import { obstacle } from './state.js';
import './style.css';

followAddress();
render(<Page />, document.querySelector('#page')!);
void start().then(keepOffline);

/** Without a service worker the page works as long as it has a network. */
async function keepOffline(): Promise<void> {
  const { serviceWorker } = navigator as Partial<Navigator>;
  if (import.meta.env.PROD && !obstacle.value)
    await serviceWorker?.register('./offline.js').catch(() => undefined);
}
