import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { runCli, startGateway } from '../support/gateway.ts';
import { testFolder } from './state.ts';

const run = promisify(execFile);

/** A program of somebody's own, that knows of the authority by the environment alone. */
const CLIENT = `require('node:https').get(process.argv[1], { agent: false }, (answer) => {
  answer.setEncoding('utf8').on('data', (text) => process.stdout.write(text));
}).on('error', ({ code }) => process.stdout.write(code))`;

it('makes what the printed lines need: a gateway over TLS, and a client that trusts it as it was told to', async () => {
  const out = join(testFolder(), 'dev certs');
  const made = await runCli(['cert', 'dev', '--out', out]);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^server:\n {2}tls:\n/) });
  const gateway = await startGateway({ config: made.stdout });
  onTestFinished(async () => void (await gateway.stop()));
  expect(gateway.url).toMatch(/^https:/);
  const fetched = async (env: Record<string, string>) =>
    (await run(process.execPath, ['-e', CLIENT, `${gateway.url}/healthz`], { env })).stdout;
  expect(await fetched({ NODE_EXTRA_CA_CERTS: join(out, 'ca.pem') })).toBe('{"status":"ok"}');
  expect(await fetched({})).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');

  const again = await runCli(['cert', 'dev', '--out', out]);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
});
