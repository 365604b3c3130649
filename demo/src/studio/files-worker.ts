/** The worker that reads the visitor's files. */
import { expose } from 'comlink';
import { FileReading } from './files.js';

expose(new FileReading());
