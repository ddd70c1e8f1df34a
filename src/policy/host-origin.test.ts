import { describe, expect, it } from 'vitest';
import { exchangeOf, type RequestFacts } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { compileCors } from './cors-policy.ts';
import { type HostOriginSettings, hostOrigin } from './host-origin.ts';

const ORIGINS = ['https://app.example.com', 'http://intranet:8080'];
const pages = (loopbackOrigins: boolean) =>
  compileCors({ gateway: { allowed_origins: ORIGINS }, servers: [], loopbackOrigins });
const SETTINGS: HostOriginSettings = {
  hosts: ['MCP.example.com', '10.1.2.3', '[2001:db8::1]'],
  cors: pages(true),
};
const judge = (facts: RequestFacts, settings = SETTINGS) => hostOrigin(settings).evaluate(exchangeOf(facts));
const fromHost = (host: string) => judge({ headers: ['Host', host] });
const fromOrigin = (origin: string, settings = SETTINGS) =>
  judge({ headers: ['Host', 'localhost', 'Origin', origin] }, settings);

const HOST_REFUSED = { deny: PROBLEMS.HOST_NOT_ALLOWED, reason: 'host.not-served', close: true };
const originRefused = (origin: string) => ({
  deny: PROBLEMS.ORIGIN_NOT_ALLOWED,
  reason: 'origin.not-allowed',
  rule: 'security.cors.allowed_origins',
  detail: origin,
  close: true,
});

describe('a host name', () => {
  it.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST',
    '127.0.0.1:3000',
    '[::1]:3000',
    'mcp.example.com',
    'MCP.Example.COM:443',
    '10.1.2.3:80',
    '[2001:DB8::1]:65535',
  ])('%s is served', (host) => {
    expect(fromHost(host)).toEqual({ pass: 'host-origin.host' });
  });

  it.each([
    ['of somebody else', 'evil.example'],
    ['that ends like ours', 'evil-mcp.example.com'],
    ['that begins like ours', 'mcp.example.com.evil.example'],
    ['below ours', 'a.mcp.example.com'],
    ['with a dot at its end', 'mcp.example.com.'],
    ['of another loopback address', '127.0.0.2'],
    ['in another spelling of loopback', '127.1'],
    ['in decimal', '2130706433'],
    ['of every address', '0.0.0.0:3000'],
  ])('%s is refused', (_, host) => {
    expect(fromHost(host)).toEqual(HOST_REFUSED);
  });

  it.each([
    ['with a user name', 'localhost@evil.example'],
    ['behind a user name', 'evil.example@localhost'],
    ['that is a list', 'localhost, evil.example'],
    ['with a blank', 'localhost evil.example'],
    ['with a path', 'localhost/evil'],
    ['with an impossible port', 'localhost:65536'],
    ['with a port that is no number', 'localhost:3000a'],
    ['with an empty port', 'localhost:'],
    ['that is empty', ''],
  ])('%s is no name, on a probe neither', (_, host) => {
    const malformed = { deny: PROBLEMS.MALFORMED_REQUEST, reason: 'host.malformed', close: true };
    expect(fromHost(host)).toEqual(malformed);
    expect(judge({ route: { checkHost: false }, headers: ['Host', host] })).toEqual(malformed);
  });

  it.each([
    'a!b.evil.example',
    "evil'.example:1",
    'x{y}.evil.example:12345',
  ])('%s is no name either, but a web page can have a browser send it', (host) => {
    expect(fromHost(host)).toEqual({ deny: PROBLEMS.MALFORMED_REQUEST, reason: 'host.not-a-name', close: true });
  });

  it('is asked for: HTTP/1.0 without one is refused', () => {
    expect(judge({})).toEqual(HOST_REFUSED);
  });

  it.each(['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD'])('is checked on %s too', (method) => {
    expect(judge({ method, headers: ['Host', 'evil.example'] })).toEqual(HOST_REFUSED);
    expect(judge({ method, headers: ['Host', 'localhost'] })).toEqual({ pass: 'host-origin.host' });
  });

  it('does not matter on a probe, whose origin does', () => {
    const route = { checkHost: false };
    expect(judge({ route, headers: ['Host', '10.9.9.9'] })).toEqual({ pass: 'host-origin.exempt' });
    expect(judge({ route, headers: ['Host', '10.9.9.9', 'Origin', 'https://evil.example'] })).toEqual(
      originRefused('https://evil.example'),
    );
  });
});

describe('an origin', () => {
  it.each([
    'https://app.example.com',
    'http://intranet:8080',
    'http://localhost',
    'http://localhost:5173',
    'https://127.0.0.1:8443',
    'http://[::1]:3000',
  ])('%s may call', (origin) => {
    expect(fromOrigin(origin)).toEqual({ pass: 'host-origin.origin' });
  });

  it.each([
    ['null, which any sandboxed page has', 'null'],
    ['another site', 'https://evil.example'],
    ['the same site without encryption', 'http://app.example.com'],
    ['the same site on another port', 'https://app.example.com:444'],
    ['the default port written out, as no browser does', 'https://app.example.com:443'],
    ['a look-alike ending', 'https://evil-app.example.com'],
    ['a look-alike beginning', 'https://app.example.com.evil.example'],
    ['a site below', 'https://x.app.example.com'],
    ['a path', 'https://app.example.com/'],
    ['upper case, as no browser writes it', 'https://APP.example.com'],
    ['a list of origins', 'https://app.example.com https://evil.example'],
    ['a name that begins like loopback', 'http://localhost.evil.example'],
    ['a user name like loopback', 'http://localhost@evil.example'],
    ['a name that ends like loopback', 'http://evil-localhost'],
    ['another scheme on loopback', 'chrome-extension://localhost'],
    ['nothing', ''],
  ])('%s may not', (_, origin) => {
    expect(fromOrigin(origin)).toEqual(originRefused(origin));
  });

  it('need not be there: programs that are not browsers send none', () => {
    expect(fromHost('localhost')).toEqual({ pass: 'host-origin.host' });
  });

  it('on loopback may not call a gateway that is reached from elsewhere', () => {
    const beyond = { ...SETTINGS, cors: pages(false) };
    expect(fromOrigin('http://localhost:5173', beyond)).toEqual(originRefused('http://localhost:5173'));
    expect(fromOrigin('https://app.example.com', beyond)).toEqual({ pass: 'host-origin.origin' });
  });

  it('is kept for the record, as much of it as anybody needs', () => {
    const long = `https://${'a'.repeat(2_000)}.example`;
    expect(fromOrigin(long)).toMatchObject({ detail: long.slice(0, 256) });
  });

  it('does not matter where a document is public', () => {
    const headers = ['Host', 'localhost', 'Origin', 'https://evil.example'];
    expect(judge({ headers, route: { cors: 'public' } })).toEqual({ pass: 'host-origin.origin' });
    expect(judge({ headers })).toEqual(originRefused('https://evil.example'));
  });

  it('that may call does not help a host that is not served', () => {
    expect(judge({ headers: ['Host', 'evil.example', 'Origin', 'https://app.example.com'] })).toEqual(HOST_REFUSED);
  });
});

describe('a header that may appear once', () => {
  it.each([
    ['Host', ['Host', 'localhost', 'Host', 'localhost']],
    ['Origin', ['Host', 'localhost', 'Origin', 'http://localhost', 'origin', 'http://localhost']],
    ['Mcp-Session-Id', ['Host', 'localhost', 'Mcp-Session-Id', 'a', 'mcp-session-id', 'b']],
  ])('and appears twice is refused: %s', (_, headers) => {
    expect(judge({ headers })).toMatchObject({ deny: PROBLEMS.MALFORMED_REQUEST, reason: 'headers.duplicated' });
  });
});
