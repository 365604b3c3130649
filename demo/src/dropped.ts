/** What is dropped on the page, or chosen, as files with their paths; folders are looked through. */
import { MAX_IMAGES } from './studio/limits.js';
import type { NamedFile } from './studio/reading.js';

/** Files of an input element; of a folder they know their path. */
export function chosenFiles(list: FileList | null): NamedFile[] {
  return Array.from(list ?? [], (file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** Files of a drop. What it holds must be asked for at once, before anything is awaited. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<NamedFile[]> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return chosenFiles(files);
  const found: NamedFile[] = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

/** No more than could be read: a home folder can hold millions of files. */
async function walk(entry: FileSystemEntry, found: NamedFile[]): Promise<void> {
  if (found.length >= MAX_IMAGES) return;
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    found.push({ file, path: entry.fullPath.replace(/^\//, '') });
    return;
  }
  for (const inner of await children(entry as FileSystemDirectoryEntry)) await walk(inner, found);
}

/** A reader gives a part at a time, and nothing at the end. */
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (true) {
    const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (part.length === 0) return all;
    all.push(...part);
  }
}
