import { createRequire } from 'node:module';

// From src/ and from dist/src/ alike the package is found by its own name's file, never by the working folder.
const require = createRequire(import.meta.url);

function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = require(path) as { name?: string; version?: string };
      if (name === 'sallyport' && version !== undefined) return version;
    } catch {
      // Not at this depth: the other one has it.
    }
  }
  return '0.0.0';
}

/** The version in package.json. */
export const VERSION: string = readVersion();
