/** What the page and the worker that reads files tell each other. */
import type { Dataset, Pixels } from 'webgpu-vae';

export interface NamedFile {
  readonly file: File;
  /** With the folders that it was brought in. */
  readonly path: string;
}

/** A picture that the visitor made, with its class where they told it. */
export interface Picture {
  readonly pixels: Pixels;
  readonly label?: number;
}

export interface ReadProgress {
  readonly done: number;
  readonly total: number;
}

/** What came of files. */
export interface ReadReport {
  /** Absent where there was no image. */
  readonly images?: Dataset;
  /** Names of the labels; empty where they are numbers or there are none. */
  readonly classes: readonly string[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** Images past the limit. */
  readonly leftOut: number;
}

/** Names a file that is left out, and why. */
export type Skip = (path: string, reason: string) => void;
