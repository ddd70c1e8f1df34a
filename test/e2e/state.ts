import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of the running test's own, not there yet, that outlives the gateways started on it. */
export function stateFolder(): string {
  return join(testFolder(), 'state');
}

/** An empty folder of the running test's own. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-e2e-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
