import { describe, expect, it } from 'vitest';
import { forwardingHeaders, RequestHeaders } from './request-headers.ts';

describe('request headers', () => {
  it('are read whatever their case', () => {
    const headers = new RequestHeaders(['HOST', 'a', 'oRiGiN', 'http://b', 'mcp-session-id', 's']);
    expect([headers.host, headers.origin, headers.sessionId]).toEqual(['a', 'http://b', 's']);
    expect(headers.duplicated).toBeUndefined();
  });

  it('remember a header that may appear once and appeared twice', () => {
    expect(new RequestHeaders(['Host', 'a', 'host', 'a']).duplicated).toBe('host');
    expect(new RequestHeaders(['Mcp-Session-Id', 'a', 'MCP-Session-ID', 'b']).duplicated).toBe('MCP-Session-ID');
  });

  it('remember it though a list follows that may come in several lines', () => {
    const lines = ['Accept', 'a/b', 'accept', 'c/d'];
    expect(new RequestHeaders(['Host', 'a', 'host', 'b', ...lines]).duplicated).toBe('host');
    expect(new RequestHeaders([...lines, 'Host', 'a', 'host', 'b']).duplicated).toBe('host');
  });

  it('keep every Authorization, for only authentication may judge two of them', () => {
    const headers = new RequestHeaders(['Authorization', 'Bearer a', 'authorization', 'Bearer b']);
    expect(headers.authorization).toEqual(['Bearer a', 'Bearer b']);
  });

  it('join several Accept lines into one list', () => {
    const headers = new RequestHeaders(['Accept', 'application/json', 'accept', 'text/event-stream']);
    expect(headers.accept).toBe('application/json, text/event-stream');
    expect(headers.duplicated).toBeUndefined();
  });

  it('collect Mcp-Param headers with the spelling they came in', () => {
    expect(new RequestHeaders(['Mcp-Param-Region', 'eu', 'mcp-param-Empty', '']).params).toEqual([
      'Mcp-Param-Region',
      'eu',
      'mcp-param-Empty',
      '',
    ]);
  });

  it('keep what proxies say line by line, and know that they are there', () => {
    const raw = [
      'X-Forwarded-For',
      'a, b',
      'x-forwarded-for',
      'c',
      'X-Real-IP',
      'd',
      'FORWARDED',
      'for=e',
      'Accept',
      'f',
    ];
    const headers = new RequestHeaders(raw);
    expect([headers.forwardedFor, headers.realIp, headers.forwarded]).toEqual([['a, b', 'c'], ['d'], ['for=e']]);
    expect([headers.isForwarded, headers.speaksForAnother, headers.duplicated]).toEqual([true, true, undefined]);
    expect(forwardingHeaders(raw)).toEqual([
      'X-Forwarded-For: a, b',
      'x-forwarded-for: c',
      'X-Real-IP: d',
      'FORWARDED: for=e',
    ]);
    expect(new RequestHeaders(['Accept', 'a']).isForwarded).toBe(false);
    expect(new RequestHeaders(['Via', '1.1 a'])).toMatchObject({ isForwarded: true, speaksForAnother: false });
    expect(new RequestHeaders(['X-Forwarded-Anything', 'a'])).toMatchObject({
      isForwarded: true,
      speaksForAnother: true,
    });
  });

  it.each([
    'X-Forwarded',
    'Forwarded-For',
    'X-Original-Forwarded-For',
    'X-Client-IP',
    'Client-IP',
    'True-Client-IP',
    'X-Cluster-Client-IP',
    'Proxy-Client-IP',
    'WL-Proxy-Client-IP',
    'X-ProxyUser-IP',
    'X-Originating-IP',
    'X-Remote-IP',
    'X-Remote-Addr',
    'Fly-Client-IP',
    'Fastly-Client-IP',
    'DO-Connecting-IP',
    'X-Appengine-User-IP',
    'X-Azure-ClientIP',
    'X-Azure-SocketIP',
    'X-Envoy-External-Address',
    'CloudFront-Viewer-Address',
    'X-NF-Client-Connection-IP',
  ])('know that %s speaks for another, and believe nothing of it', (name) => {
    const headers = new RequestHeaders([name, '127.0.0.1']);
    expect(headers).toMatchObject({ isForwarded: true, speaksForAnother: true, forwardedFor: [], realIp: [] });
  });

  it.each([
    'CDN-Loop',
    'X-Original-Host',
    'X-Amzn-Trace-Id',
    'X-Scheme',
    'Front-End-Https',
    'CF-Visitor',
    'X-Azure-Ref',
    'X-Amz-Cf-Id',
    'X-Envoy-Original-Path',
    'X-Vercel-Id',
    'Fly-Request-Id',
  ])('know that %s was added by a proxy, though it speaks for nobody', (name) => {
    expect(new RequestHeaders([name, 'a'])).toMatchObject({ isForwarded: true, speaksForAnother: false });
  });

  it.each([
    'Traceparent',
    'X-Request-Id',
    'X-Api-Key',
    'X-Client-Name',
    'Cache-Control',
  ])('leave %s to clients', (name) => {
    expect(new RequestHeaders([name, 'a']).isForwarded).toBe(false);
  });
});
