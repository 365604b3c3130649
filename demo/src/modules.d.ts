/// <reference types="vite/client" />

/** Text with formulas, compiled to a component when the page is built. */
declare module '*.mdx' {
  import type { FunctionComponent } from 'preact';

  const Text: FunctionComponent;
  export default Text;
}

/** GIF files, of which it has no types. */
declare module 'gifenc' {
  /** Red, green and blue bytes of each colour. */
  type Palette = readonly (readonly number[])[];
  type Bytes = Uint8Array | Uint8ClampedArray;

  export function GIFEncoder(): {
    writeFrame(
      pixels: Bytes,
      width: number,
      height: number,
      options: { palette: Palette; delay: number },
    ): void;
    finish(): void;
    bytes(): Uint8Array;
  };
  export function quantize(rgba: Bytes, maxColors: number): Palette;
  /** The nearest colour of each pixel. */
  export function applyPalette(rgba: Bytes, palette: Palette): Uint8Array;
}
