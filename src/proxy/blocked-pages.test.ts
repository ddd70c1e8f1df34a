import { expect, it } from 'vitest';
import type { Log } from '../telemetry/log.ts';
import { BlockedPages } from './blocked-pages.ts';

function heard() {
  const lines: { message: string; fields: Readonly<Record<string, unknown>> | undefined }[] = [];
  const silent = (): void => {};
  const log: Log = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (message, fields) => lines.push({ message, fields }),
    child: () => log,
  };
  let now = 0;
  const pages = new BlockedPages(log, () => now);
  const note = (origin = 'https://evil.example') =>
    pages.note({ decisionId: 'run-1', route: '/mcp', origin, rule: 'origin.not-allowed', setting: 'a.setting' });
  return { lines, note, pass: (ms: number) => (now += ms) };
}

it('names the page, the rule and the setting', () => {
  const { lines, note } = heard();
  note(`https://${'x'.repeat(500)}`);
  expect(lines).toEqual([
    {
      message: 'CORS policy blocked request',
      fields: {
        origin: `https://${'x'.repeat(248)}`,
        rule: 'origin.not-allowed',
        setting: 'a.setting',
        route: '/mcp',
        decision_id: 'run-1',
      },
    },
  ]);
});

it('writes ten lines a minute, and then how many it left out', () => {
  const { lines, note, pass } = heard();
  for (let i = 0; i < 1_000; i++) note();
  expect(lines).toHaveLength(10);
  pass(59_999);
  note();
  expect(lines).toHaveLength(10);
  pass(1);
  note();
  expect(lines.slice(10)).toEqual([
    { message: 'CORS policy blocked more requests', fields: { requests: 991 } },
    { message: 'CORS policy blocked request', fields: expect.anything() },
  ]);
});
