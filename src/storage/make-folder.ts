import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those it lies in, where they are missing. Node's own `recursive` never comes back where a file system
 * answers that nothing is there while nothing may be made either, as /proc does.
 *
 * @param path absolute
 * @throws NodeJS.ErrnoException
 */
export function makeFolder(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path; statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing.unshift(at);
  for (const folder of missing) make(folder, mode);
  // Something else is in its place: the system says so best.
  if (missing.length === 0 && !statSync(path).isDirectory()) mkdirSync(path, { mode });
}

function make(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
  }
}
