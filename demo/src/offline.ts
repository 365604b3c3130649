/**
 * The service worker of the built page: keeps a copy of every file, so that the page works without a network. A newer build is
 * fetched beside it and takes over when the last tab of the older one is closed, so that no tab meets files of two builds.
 */
import { cleanupOutdatedCaches, precacheAndRoute, type PrecacheEntry } from 'workbox-precaching';

/** Replaced by the list when the page is built. */
declare const BUILT_FILES: PrecacheEntry[];

/** What the page asks of it; its own types are those of another library than the page's. */
interface ServiceWorker extends EventTarget {
  readonly clients: { claim(): Promise<void> };
}

const worker = self as unknown as ServiceWorker;
// the page that has just installed it can lose its network at once
worker.addEventListener('activate', (event) =>
  (event as Event & { waitUntil(done: Promise<void>): void }).waitUntil(worker.clients.claim()),
);

cleanupOutdatedCaches();
// settings in the address do not make it another page
precacheAndRoute(BUILT_FILES, { ignoreURLParametersMatching: [/./] });
