import { describe, expect, it } from 'vitest';
import { routeOf } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { compileRoutes, originForm } from './routes.ts';

const crm = routeOf({ path: '/mcp/crm' });
const health = routeOf({ path: '/health', name: 'health' });
const unknown = routeOf({ path: '(unknown)', name: 'unknown' });
const unknownMcp = routeOf({ path: '/mcp/(unknown)', name: 'unknown-mcp' });
const table = compileRoutes([crm, health], unknown, unknownMcp);

describe('a target', () => {
  it.each(['/mcp/crm', '/mcp/crm?x=1', '/mcp/crm?'])('%s is the route of its path', (target) => {
    expect(table.find(target)).toBe(crm);
  });

  it.each([
    '/mcp/crm/',
    '/mcp/Crm',
    '/mcp/cr%6d',
    '/mcp/other',
    '/mcp',
    '/mcp/',
    '/mcp/(unknown)',
  ])('%s is unknown, below /mcp', (target) => {
    expect(table.find(target)).toBe(unknownMcp);
  });

  it.each([
    '/',
    '/healthz',
    '/mcps',
    '/(unknown)',
    '/health/',
    '/favicon.ico',
    '/__proto__',
  ])('%s is unknown', (target) => {
    expect(table.find(target)).toBe(unknown);
  });

  it.each([
    ['an encoded slash', '/mcp%2fcrm'],
    ['an encoded slash in upper case', '/mcp%2Fcrm'],
    ['an encoded back slash', '/mcp%5Ccrm'],
    ['a back slash', '/mcp\\crm'],
    ['an encoded dot', '/mcp/%2e%2e/health'],
    ['a dot segment', '/mcp/../health'],
    ['a dot segment at the end', '/health/..'],
    ['a segment of one dot', '/mcp/./crm'],
    ['two slashes', '//mcp/crm'],
    ['two slashes inside', '/mcp//crm'],
    ['a path parameter', '/mcp/crm;v=1'],
    ['an encoded NUL', '/health%00'],
    ['a fragment', '/health#x'],
    ['the absolute form', 'http://127.0.0.1/health'],
    ['the form of CONNECT', '127.0.0.1:443'],
    ['an asterisk', '*'],
    ['nothing', ''],
  ])('with %s is refused outright', (_, target) => {
    expect(table.find(target)).toBe(PROBLEMS.MALFORMED_REQUEST);
  });

  it('may have dots, and anything at all in its query', () => {
    expect(table.find('/a..b/.well-known')).toBe(unknown);
    expect(table.find('/health?next=//evil/../%2f')).toBe(health);
  });
});

describe('a table', () => {
  it('is frozen, rows and all', () => {
    expect(Object.isFrozen(table)).toBe(true);
    expect(Object.isFrozen(table.rows)).toBe(true);
    expect(table.rows.every((row) => Object.isFrozen(row))).toBe(true);
  });

  it('has one row for each path', () => {
    expect(() => compileRoutes([crm, { ...health, path: crm.path }], unknown)).toThrow('two routes for /mcp/crm');
  });

  it('without a route for unknown servers knows only unknown paths', () => {
    expect(compileRoutes([health], unknown).find('/mcp/x')).toBe(unknown);
  });
});

describe('the origin form', () => {
  const of = (url: string, host = 'a.example:80') => originForm({ url, rawHeaders: ['Host', host] });

  it.each([
    ['/mcp?x=1', '/mcp?x=1'],
    ['http://a.example:80/mcp?x=1', '/mcp?x=1'],
    ['HTTPS://A.Example:80/mcp', '/mcp'],
    ['http://a.example:80', '/'],
    ['http://a.example:80?x', '/?x'],
  ])('of %s is %s', (target, origin) => {
    expect(of(target)).toBe(origin);
  });

  it.each([
    'http://b.example/mcp',
    'http://a.example/mcp',
    'http://b@a.example:80/mcp',
    'ftp://a.example:80/mcp',
    'http:///mcp',
    '*',
    '',
  ])('of %j there is none', (target) => {
    expect(of(target)).toBe(target);
    expect(originForm({ url: target, rawHeaders: [] })).toBe(target);
  });
});
