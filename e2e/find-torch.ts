/** PyTorch, where there is one. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Every python3 there is, until one imports torch: a virtual environment may hide the system's. */
export function findTorch(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return folders
    .map((folder) => join(folder, 'python3'))
    .filter((path) => existsSync(path))
    .find((path) => {
      try {
        execFileSync(path, ['-c', 'import torch'], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    });
}
