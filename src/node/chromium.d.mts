/** Types of chromium.mjs, which is plain JavaScript because the set-up script runs it before any build. */

/** Names a browser to use instead of the one that would be found. */
export declare const chromiumVariable: 'WEBGPU_VAE_CHROMIUM';

/** A software Vulkan driver found beside a browser; absolute paths. */
export interface SwiftShader {
  readonly folder: string;
  /** The driver's manifest, what VK_ICD_FILENAMES takes. */
  readonly driver: string;
  /** The Vulkan loader of the same folder, for machines without one. */
  readonly loader: string;
}

/**
 * The path of a Chromium-based browser: $WEBGPU_VAE_CHROMIUM, else an installed Chrome, Chromium or Edge,
 * else the newest one that Playwright downloaded; undefined when there is none.
 *
 * @throws Error when $WEBGPU_VAE_CHROMIUM names no file
 */
export declare function findChromium(environment?: NodeJS.ProcessEnv): string | undefined;

/** The SwiftShader driver in the folder of some Chromium; undefined when there is none, and on macOS and Windows. */
export declare function findSwiftShader(environment?: NodeJS.ProcessEnv): SwiftShader | undefined;
