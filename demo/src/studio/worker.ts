/** The worker: a studio that the page calls. */
import { expose } from 'comlink';
import { Studio } from './studio.js';

expose(new Studio());
