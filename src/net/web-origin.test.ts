import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopbackOrigin, OriginSet, parseOriginEntry } from './web-origin.ts';

describe('an entry of a list of origins', () => {
  it.each([
    ['https://app.example.com', 'https://app.example.com'],
    ['HTTPS://App.Example.com:443', 'https://app.example.com'],
    ['http://intranet:8080', 'http://intranet:8080'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://*.example.com', 'https://*.example.com'],
    ['https://*.Example.com:8443', 'https://*.example.com:8443'],
    ['http://*.example.com:80', 'http://*.example.com'],
    ['*.example.com', 'https://*.example.com'],
    ['*.example.com:8443', 'https://*.example.com:8443'],
    ['*', '*'],
  ])('%s is kept as %s', (text, kept) => {
    expect(parseOriginEntry(text)).toBe(kept);
    expect(parseOriginEntry(kept), 'and stays so').toBe(kept);
  });

  it.each([
    ['null', 'sandboxed'],
    ['app.example.com', 'is not an origin'],
    ['ftp://a.example', 'http:// or https://'],
    ['file://x', 'http:// or https://'],
    ['https://a.example/', 'no path'],
    ['https://a.example/x', 'no path'],
    ['https://a.example?', 'no path'],
    ['https://u@a.example', 'user name'],
    ['https://@a.example', 'user name'],
    ['https://*example.com', 'whole first label'],
    ['https://a.*.example.com', 'whole first label'],
    ['https://*.*.example.com', 'whole first label'],
    ['https://*.example.com/', 'whole first label'],
    ['https://u@*.example.com', 'whole first label'],
    ['ftp://*.example.com', 'whole first label'],
    ['https://*', 'whole first label'],
    ['https://*.com', 'top-level'],
    ['*.localhost', 'top-level'],
    ['https://*.10.0.0.1', 'address'],
    ['https://*.example.com:99999', 'is not an origin'],
    ['', 'is not an origin'],
  ])('%j is refused', (text, words) => {
    expect(parseOriginEntry(text)).toEqual({ fault: expect.stringContaining(words) });
    expect(() => new OriginSet([text])).toThrow();
  });
});

describe('a list of origins', () => {
  const set = new OriginSet(['https://app.example', 'https://*.example.com', 'http://*.example.org:8080']);

  it.each([
    'https://app.example',
    'https://a.example.com',
    'https://a.b-c.d_e.example.com',
    'https://xn--bcher-kva.example.com',
    'http://a.example.org:8080',
  ])('lets in %s', (origin) => {
    expect(set.has(origin)).toBe(true);
  });

  it.each([
    ['null', 'null'],
    ['the apex', 'https://example.com'],
    ['a name that only ends so', 'https://evilexample.com'],
    ['the scheme below', 'http://a.example.com'],
    ['another port', 'https://a.example.com:8443'],
    ['the default port written out', 'https://a.example.com:443'],
    ['no port where one is listed', 'http://a.example.org'],
    ['a look-alike ending', 'https://a.example.com.evil.example'],
    ['a look-alike dot', 'https://a.examplexcom'],
    ['an empty label', 'https://.example.com'],
    ['two dots', 'https://a..example.com'],
    ['a dot at the end', 'https://a.example.com.'],
    ['upper case, as no browser writes it', 'https://A.example.com'],
    ['a user name', 'https://evil.example@a.example.com'],
    ['a path', 'https://evil.example/a.example.com'],
    ['an encoded slash', 'https://evil.example%2fa.example.com'],
    ['a closing slash', 'https://a.example.com/'],
    ['two origins', 'https://a.example.com https://evil.example'],
    ['a line break before', 'https://evil.example\nhttps://a.example.com'],
    ['a line break behind', 'https://a.example.com\n'],
    ['the pattern itself', 'https://*.example.com'],
    ['a suffix of the exact one', 'https://evilapp.example'],
    ['nothing', ''],
  ])('keeps out %s', (_, origin) => {
    expect(set.has(origin)).toBe(false);
  });

  it('with * lets in every origin, and no text that is none', () => {
    const all = new OriginSet(['*']);
    for (const origin of ['https://evil.example', 'http://a:1', 'chrome-extension://abc']) {
      expect(all.has(origin), origin).toBe(true);
    }
    for (const text of ['null', '', '*', 'a.example', 'https://a.example/', 'https://a, https://b']) {
      expect(all.has(text), text).toBe(false);
    }
  });

  it('that is empty lets nobody in', () => {
    expect(new OriginSet([]).has('https://app.example')).toBe(false);
  });

  it('with a wildcard never lets in a host that does not lie below its base, however it is spelled', () => {
    const wild = new OriginSet(['https://*.example.com']);
    const near = fc.constantFrom(
      'example.com',
      '.example.com',
      'a.example.com',
      'https://',
      'http://',
      '@',
      ':443',
      '/',
    );
    const text = fc.array(fc.oneof(near, fc.string({ unit: 'grapheme', maxLength: 6 }), fc.domain()), { maxLength: 6 });
    let met = 0;
    fc.assert(
      fc.property(text, (parts) => {
        const origin = parts.join('');
        if (!wild.has(origin)) return;
        met += 1;
        const url = new URL(origin);
        expect(url.origin).toBe(origin);
        expect(url.protocol).toBe('https:');
        expect(url.port).toBe('');
        expect(url.hostname.endsWith('.example.com') && url.hostname.length > '.example.com'.length).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    fc.assert(
      fc.property(fc.domain(), (domain) => {
        expect(wild.has(`https://${domain}.example.com`)).toBe(true);
        expect(wild.has(`https://${domain}`)).toBe(false);
        met += 1;
      }),
      { numRuns: 200 },
    );
    expect(met).toBeGreaterThan(100);
  });
});

describe('an origin on this machine', () => {
  it.each(['http://localhost', 'https://localhost:5173', 'http://127.0.0.1:1', 'http://[::1]:8080'])('%s', (origin) => {
    expect(isLoopbackOrigin(origin)).toBe(true);
  });

  it.each([
    'http://localhost.evil.example',
    'http://evil-localhost',
    'http://127.0.0.1.evil.example',
    'http://x@localhost',
    'chrome-extension://localhost',
    'http://localhost/',
    'null',
  ])('is not %s', (origin) => {
    expect(isLoopbackOrigin(origin)).toBe(false);
  });
});
