import { readFileSync } from 'node:fs';

/** What is in a file, or in standard input when it is `-`. @throws Error naming the file */
export function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
