/** onnxruntime-web for the page: the files that it needs are served beside the page. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../node_modules/onnxruntime-web', import.meta.url));
const PAGE = fileURLToPath(new URL('../out/bench-page/onnxruntime', import.meta.url));
/** The runtime, and the WebAssembly with its loader, which it fetches from beside itself. */
const FILES = [
  'ort.webgpu.min.mjs',
  'ort-wasm-simd-threaded.asyncify.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
];

/** Puts the runtime beside the built page. @returns its version */
export function provideOnnxruntime(): string {
  mkdirSync(PAGE, { recursive: true });
  for (const file of FILES) copyFileSync(join(PACKAGE, 'dist', file), join(PAGE, file));
  const { version }: { version: string } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  return version;
}
