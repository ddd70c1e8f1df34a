import { readFileSync } from 'node:fs';

/** What is in a file, or in standard input when it is `-`. @throws Error naming the file */
export function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new Error(`${file} ${why}. Name a file that can be read, by a path from here or from the root.`);
  }
}
