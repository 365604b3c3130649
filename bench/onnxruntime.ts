/**
 * onnxruntime-web for the page. It takes part in one workload and takes 140 MB on disk, so it is no package of this
 * project: npm puts it under out/ when the benchmark runs, and the files a page needs are served beside the page.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '1.30.0';
const PREFIX = fileURLToPath(new URL('../out/onnxruntime', import.meta.url));
const PACKAGE = join(PREFIX, 'node_modules/onnxruntime-web');
const PAGE = fileURLToPath(new URL('../out/bench-page/onnxruntime', import.meta.url));
/** The runtime, and the WebAssembly with its loader, which it fetches from beside itself. */
const FILES = [
  'ort.webgpu.min.mjs',
  'ort-wasm-simd-threaded.asyncify.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
];

function installedVersion(): string | undefined {
  const file = join(PACKAGE, 'package.json');
  if (!existsSync(file)) return undefined;
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}

/** Puts the runtime beside the built page. @returns its version, or undefined where npm cannot install it */
export function provideOnnxruntime(): string | undefined {
  try {
    if (installedVersion() !== VERSION) {
      mkdirSync(PREFIX, { recursive: true });
      const words = ['install', '--prefix', PREFIX, '--no-audit', '--no-fund', '--ignore-scripts'];
      execFileSync('npm', [...words, `onnxruntime-web@${VERSION}`], { stdio: 'ignore' });
    }
    mkdirSync(PAGE, { recursive: true });
    for (const file of FILES) copyFileSync(join(PACKAGE, 'dist', file), join(PAGE, file));
    return VERSION;
  } catch {
    return undefined;
  }
}
