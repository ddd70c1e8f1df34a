import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('npm run test:ip passes: documented configurations, called from many addresses', async () => {
  const program = fileURLToPath(new URL('../../tests/ip-protection-tests.js', import.meta.url));
  const env = { PATH: process.env.PATH, TWENTY_API_KEY: 'your-key' };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
  expect(stdout).toMatch(/\n1\d\d passed, 0 failed\n$/);
  expect(stdout).not.toContain('FAILED');
});
