import { chmodSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DevelopmentCertificate } from '../crypto/development-certificate.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** Where the three files are. */
export interface DevelopmentFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * The names the files will have.
 * @throws Error when one of them is taken and may not be replaced
 */
export function developmentFiles(folder: string, mayReplace: boolean): DevelopmentFiles {
  const files = {
    authority: join(folder, 'ca.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
  };
  const taken = Object.values(files).filter(exists);
  if (taken.length > 0 && !mayReplace) {
    const are = taken.length === 1 ? 'is there already' : 'are there already';
    throw new Error(`${taken.join(', ')} ${are}; say --force to replace them, or name another folder with --out`);
  }
  return files;
}

/** Writes all three, 0600, each whole or not at all, the key first: a gateway that looks on never sees half a pair for long. */
export function writeDevelopmentFiles(files: DevelopmentFiles, folder: string, made: DevelopmentCertificate): void {
  makeFolder(folder, 0o700);
  for (const [path, text] of [
    [files.key, made.key],
    [files.certificate, made.certificate],
    [files.authority, made.authority],
  ] as const) {
    const draft = `${path}.${process.pid}.new`;
    try {
      writeFileSync(draft, text, { flag: 'wx', mode: 0o600 });
      chmodSync(draft, 0o600); // a umask may have taken the owner's own bits
      renameSync(draft, path);
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
