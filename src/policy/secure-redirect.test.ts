import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { secureRedirect } from './secure-redirect.ts';

const fixed = secureRedirect({ origin: 'https://mcp.example.com', hosts: [], port: 8443 });
const byName = secureRedirect({ origin: undefined, hosts: ['mcp.example.com'], port: 8443 });

function judged(step: typeof fixed, method: string, url: string, host = 'mcp.example.com') {
  const verdict = step.evaluate(exchangeOf({ method, url, headers: ['Host', host] })) as object;
  if ('answer' in verdict) return (verdict.answer as { headers: readonly string[] }).headers[1];
  return 'reason' in verdict ? verdict.reason : verdict;
}

describe('a page', () => {
  it.each([
    ['GET', '/', 'https://mcp.example.com/'],
    ['HEAD', '/', 'https://mcp.example.com/'],
    ['GET', '/console?x=1', 'https://mcp.example.com/console?x=1'],
    ['GET', '//evil.example/', 'https://mcp.example.com//evil.example/'],
    ['GET', '/\u00e4', 'https://mcp.example.com/'],
    ['GET', '/mcpx', 'https://mcp.example.com/mcpx'],
  ])('%s %s is sent to %s', (method, url, location) => {
    expect(judged(fixed, method, url)).toBe(location);
  });

  it('is never sent to a name from the request, unless that is served', () => {
    expect(judged(fixed, 'GET', '/', 'evil.example')).toBe('https://mcp.example.com/');
    expect(judged(byName, 'GET', '/', 'evil.example')).toBe('host.not-served');
    expect(judged(byName, 'GET', '/', 'mcp.example.com@evil.example')).toBe('host.not-served');
    expect(judged(byName, 'GET', '/x', 'MCP.example.com:80')).toBe('https://mcp.example.com:8443/x');
    expect(judged(secureRedirect({ origin: undefined, hosts: [], port: 443 }), 'GET', '/', '127.0.0.1')).toBe(
      'https://127.0.0.1/',
    );
  });
});

describe('what programs call', () => {
  it.each([
    ['POST', '/mcp'],
    ['GET', '/mcp'],
    ['GET', '/MCP/files'],
    ['GET', '//mcp'],
    ['GET', '/mcp?x'],
    ['GET', '/sse'],
    ['POST', '/messages?sessionId=1'],
    ['GET', '/api/v1/mcp/list'],
    ['GET', '/.well-known/oauth-protected-resource'],
    ['GET', '/health'],
    ['POST', '/'],
    ['DELETE', '/anything'],
    ['OPTIONS', '/'],
  ])('%s %s is told to use https', (method, url) => {
    expect(judged(fixed, method, url)).toBe('redirect.api');
  });
});
