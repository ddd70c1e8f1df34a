import { describe, expect, it } from 'vitest';
import { folderWith } from '../test/fixtures/config/folder.ts';
import { loadConfiguration } from './config/load.ts';
import { SETTINGS } from './config/outline.ts';
import { FIXED, ONLY_LOWERED, restartNeeded } from './restart-needed.ts';

/** What is told when the first text of a file becomes the second. */
function told(before: string, after: string): readonly string[] {
  const cwd = folderWith({ 'before.yaml': before, 'after.yaml': after });
  const loaded = (file: string) => loadConfiguration({ env: {}, flags: {}, cwd, file });
  return restartNeeded(loaded('before.yaml'), loaded('after.yaml'));
}

describe('what a reload says needs a restart', () => {
  it('is named exactly, and nothing that follows from it', () => {
    expect(told('server: { port: 4000 }', 'server: { port: 4001 }')).toEqual(['server.port']);
    expect(told('{}', 'admin: { port: 4001 }')).toEqual(['admin.port']);
    expect(told('{}', 'state_dir: ./elsewhere')).toEqual(['state_dir']);
    expect(told('{}', 'audit: { file: ./audit.jsonl, refusals: { per_window: 5 } }')).toEqual([
      'audit.refusals.per_window',
      'audit.file',
    ]);
    const limits = '{ header_bytes: 4096, connections: 5, header_timeout_ms: 1000 }';
    expect(
      told('{}', `{ server: { limits: ${limits} }, log: { format: json, level: warn }, sessions: { max: 7 } }`),
    ).toEqual([
      'server.limits.header_bytes',
      'server.limits.header_timeout_ms',
      'server.limits.connections',
      'sessions.max',
      'log.level',
      'log.format',
    ]);
    expect(told('server: { public_url: "https://a.example", redirect: { port: 0 } }', '{}')).toEqual([
      'server.redirect',
    ]);
    expect(told('streams: { replay: { events: 5 } }', '{}')).toEqual(['streams.replay.events']);
  });

  it('is whether TLS ends at a listener, not with what', () => {
    const tls = (cert: string) => `server: { tls: { cert_file: ${cert}, key_file: k.pem } }`;
    expect(told('{}', tls('a.pem'))).toEqual(['server.tls']);
    expect(told(tls('a.pem'), tls('b.pem'))).toEqual([]);
  });

  it('is a limit that is raised where the listener holds the one of the start, not one that is lowered', () => {
    const limits = (count: number, ms: number) =>
      `server: { limits: { header_count: ${count}, body_timeout_ms: ${ms} } }`;
    expect(told(limits(50, 1000), limits(60, 2000))).toEqual(ONLY_LOWERED);
    expect(told(limits(50, 1000), limits(40, 500))).toEqual([]);
  });

  it('is nothing that counts at once', () => {
    const at_once = `
server:
  { allowed_hosts: [mcp.example.com], public_url: "https://mcp.example.com", trust_proxy: loopback,
    limits: { body_bytes: 1000, shutdown_timeout_ms: 5 } }
admin: { metrics_auth: token, ip_whitelist: [127.0.0.1] }
streams: { buffer_bytes: 5000 }
log: { addresses: true }
health: { service: other, auth: token }
security: { ip_whitelist: [10.0.0.0/8], mode: report }
compat: { sse: false }
`;
    expect(told('{}', at_once)).toEqual([]);
  });

  it('is asked of settings that exist', () => {
    const names = SETTINGS.map(({ path }) => path);
    for (const name of [...FIXED, ...ONLY_LOWERED])
      expect(
        names.filter((known) => known === name || known.startsWith(`${name}.`)),
        name,
      ).not.toEqual([]);
  });
});
