/// <reference types="vite/client" />

/** Text with formulas, compiled to a component when the page is built. */
declare module '*.mdx' {
  import type { FunctionComponent } from 'preact';

  const Text: FunctionComponent;
  export default Text;
}
