import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { drawerNames, HABITS, habitViolations, longFiles, MOST_LINES, readmeViolations } from './habits.ts';
import { filesUnder, source, sourcesUnder } from './source.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const product = [...sourcesUnder(root, 'src', ['.ts']), ...sourcesUnder(root, 'servers', ['.ts'])].filter(
  (file) => !file.path.endsWith('.test.ts'),
);
const production = product.filter((file) => file.path.startsWith('src/'));
const at = (path: string, text: string) => [source(path, text)];

describe('raw headers only', () => {
  it('holds in src/', () => expect(habitViolations(production, HABITS.rawHeaders)).toEqual([]));

  it.each([
    'const h = req.headers;',
    "incoming.headers['host']",
    'x.headersDistinct',
    'req?.headers.host',
    'x.request.headers.host',
    'this.request?.headers',
    'request.trailers',
    'request.trailersDistinct',
    "request['headers']",
    'request?.[name]',
    'const { headers } = request;',
    'const { method, headers: h } = x.request;',
    'const { trailers } = incoming;',
    'function of({ method, headers }: IncomingMessage) {}',
  ])('refuses %s', (text) => {
    expect(habitViolations(at('src/http/x.ts', text), HABITS.rawHeaders)).toHaveLength(1);
  });

  it.each([
    'const h = req.rawHeaders;',
    'this.headers.one(name)',
    'x.headers.host',
    'request.rawTrailers',
    'const { headers, request } = x;',
    'const { host } = request.rawHeaders;',
    '// never req.headers',
  ])('allows %s', (text) => {
    expect(habitViolations(at('src/http/x.ts', text), HABITS.rawHeaders)).toEqual([]);
  });
});

describe('no fetch', () => {
  it('holds in src/', () => expect(habitViolations(production, HABITS.noFetch)).toEqual([]));

  it.each(["await fetch('http://x');", 'const f = globalThis.fetch;'])('refuses %s', (text) => {
    expect(habitViolations(at('src/upstream/x.ts', text), HABITS.noFetch)).toHaveLength(1);
  });

  it.each(['prefetch(x);', 'jwks.fetch();', '// fetch(x) is slow', "log('fetch(')"])('allows %s', (text) => {
    expect(habitViolations(at('src/upstream/x.ts', text), HABITS.noFetch)).toEqual([]);
  });
});

describe('the environment is read in one place', () => {
  it('holds in src/', () => expect(habitViolations(production, HABITS.noEnvironment)).toEqual([]));

  it.each(['process.env.HOME', 'process . env', "import { env } from 'node:process';"])('refuses %s', (text) => {
    expect(habitViolations(at('src/upstream/x.ts', text), HABITS.noEnvironment)).toHaveLength(1);
  });

  it.each(['src/config/layers.ts', 'src/cli/main.ts'])('allows it in %s', (path) => {
    expect(habitViolations(at(path, 'process.env.HOME'), HABITS.noEnvironment)).toEqual([]);
  });
});

describe("names use the field's words", () => {
  it('holds in src/ and servers/', () => {
    expect(drawerNames(product.map((file) => file.path))).toEqual([]);
    expect(habitViolations(product, HABITS.fieldWords)).toEqual([]);
  });

  it('refuses drawers for everything', () => {
    const paths = [
      'src/net/utils.ts',
      'src/helpers/x.ts',
      'src/http/header-utils.ts',
      'src/session/manager.ts',
      'src/common/a.ts',
    ];
    expect(drawerNames(paths)).toHaveLength(paths.length);
    expect(habitViolations(at('src/session/x.ts', 'export class SessionManager {}'), HABITS.fieldWords)).toHaveLength(
      1,
    );
  });

  it('allows words that merely contain one', () => {
    expect(drawerNames(['src/net/distributils-free.ts', 'src/session/table.ts'])).toEqual([]);
    expect(habitViolations(at('src/session/x.ts', 'export class SessionTable {}'), HABITS.fieldWords)).toEqual([]);
  });
});

describe('sizes', () => {
  it(`keep files to ${MOST_LINES} lines`, () => expect(longFiles(product)).toEqual([]));

  it('refuse one line more, unless the file is a table', () => {
    const long = at('src/net/x.ts', 'x;\n'.repeat(MOST_LINES + 1));
    expect(longFiles(long)).toHaveLength(1);
    expect(longFiles(long, new Set(['src/net/x.ts']))).toEqual([]);
    expect(longFiles(at('src/net/x.ts', 'x;\n'.repeat(MOST_LINES)))).toEqual([]);
  });
});

describe('each module introduces itself', () => {
  const modules = [...new Set(product.map((file) => file.path.split('/').slice(0, 2).join('/')))].filter(
    (name) => !name.includes('.'),
  );
  const readmes = new Map(
    [...filesUnder(root, 'src'), ...filesUnder(root, 'servers')]
      .filter((path) => path.endsWith('/README.md'))
      .map((path) => [path, readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length]),
  );

  it('in a README of at most 30 lines', () => expect(readmeViolations(modules, readmes)).toEqual([]));

  it('and a missing or long one is found', () => {
    expect(readmeViolations(['src/net'], new Map())).toHaveLength(1);
    expect(readmeViolations(['src/net'], new Map([['src/net/README.md', 31]]))).toHaveLength(1);
    expect(readmeViolations(['src/net'], new Map([['src/net/README.md', 30]]))).toEqual([]);
  });
});
