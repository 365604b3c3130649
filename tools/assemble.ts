/**
 * Resolves include lines (`//#include "lib/math.wgsl"`, relative to shaders/ or to the including file), each
 * file once. This is the only preprocessing a shader gets; everything else is plain WGSL.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const includeLine = /^\/\/#include "([^"]+)"$/;

/** The WGSL of `file` with its includes in place. Throws when an include does not exist. */
export function assemble(file: string, seen: Set<string> = new Set()): string {
  seen.add(file);
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const name = includeLine.exec(line)?.[1];
      if (name === undefined) return [line];
      const path = join(dirname(file), name);
      if (!existsSync(path)) throw new Error(`${file}:${index + 1} includes ${name}, which does not exist`);
      return seen.has(path) ? [] : [assemble(path, seen)];
    })
    .join('\n');
}
