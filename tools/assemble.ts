/**
 * Resolves include lines (`//#include "lib/math.wgsl"`, relative to shaders/ or to the including file), each
 * file once. This is the only preprocessing a shader gets; everything else is plain WGSL.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const includeLine = /^\/\/#include "([^"]+)"$/;

/** The pieces of `file` between and inside its includes, in order. Throws when an include does not exist. */
export function segments(file: string, seen: Set<string> = new Set()): string[] {
  seen.add(file);
  const pieces: string[] = [];
  let lines: string[] = [];
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      const name = includeLine.exec(line)?.[1];
      if (name === undefined) {
        lines.push(line);
        return;
      }
      const path = join(dirname(file), name);
      if (!existsSync(path)) throw new Error(`${file}:${index + 1} includes ${name}, which does not exist`);
      pieces.push(lines.join('\n'));
      lines = [];
      if (!seen.has(path)) pieces.push(...segments(path, seen));
    });
  return [...pieces, lines.join('\n')];
}

/** The WGSL of `file` with its includes in place. */
export function assemble(file: string): string {
  return segments(file).join('\n');
}
