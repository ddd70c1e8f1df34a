import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export { type FixtureHttp, startFixtureHttp } from './fixture-server/http.mjs';
export { type FixtureSse, startFixtureSse } from './fixture-server/sse.mjs';

/** What the fixture server serves, in the order it lists it (without `extra`, which starts hidden). */
export const FIXTURE_TOOLS = [
  'echo',
  'add',
  'big_text',
  'query',
  'fail',
  'throw',
  'slow_progress',
  'log_lines',
  'elicit',
  'sample',
  'toggle_extra_tool',
  'touch',
] as const;

export interface StdioFixture {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The messages all children started from this command have received so far, as sent: one line each. */
  received(): string[];
  /** Removes the file the children write to. */
  remove(): void;
}

/** The command that runs the fixture server over stdio, and a record of what reaches it. */
export function stdioFixture(): StdioFixture {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-fixture-'));
  const file = join(folder, 'hits');
  return {
    command: process.execPath,
    args: [fileURLToPath(new URL('./fixture-server/main-stdio.mjs', import.meta.url))],
    env: { FIXTURE_HITS_FILE: file },
    received: () => read(file).split('\n').filter(Boolean),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // nothing has arrived yet
  }
}
