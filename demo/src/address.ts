/** The page's address holds the settings: it is read when the page opens or the visitor changes it, and written after them. */
import { effect } from '@preact/signals';
import { formatLink, LinkError, parseLink } from './link.js';
import { attempt, openSettings } from './session.js';
import { note, settings } from './state.js';

/** Browsers refuse more than some hundred changes of the address in half a minute. */
const INTERVAL_MS = 500;

/** Reads the address, and keeps it from now on; called before the page opens its model. */
export function followAddress(): void {
  readAddress();
  addEventListener('hashchange', () => {
    if (readAddress()) void attempt(openSettings);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    if (linkOf() === location.href || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      history.replaceState(history.state, '', linkOf());
    }, INTERVAL_MS);
  });
}

/** The address of what the page is set to. */
export function linkOf(): string {
  const { origin, pathname, search } = location;
  const link = formatLink(settings.value);
  return `${origin}${pathname}${search}${link && `#${link}`}`;
}

/** Whether there is something to open. */
function readAddress(): boolean {
  try {
    const read = parseLink(location.hash);
    if (read) settings.value = read;
    return read !== undefined;
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    note('warning', error.message);
    return false;
  }
}
