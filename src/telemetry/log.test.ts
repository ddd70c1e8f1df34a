import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strictLine } from '../../test/support/log-line.ts';
import { createLog, type LogSettings } from './log.ts';

function capture(settings: Partial<LogSettings> = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', ...settings, destination: { write: (l) => lines.push(l) } });
  return { log, lines, json: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('log', () => {
  it('writes one JSON object a line with time, level, message and fields', () => {
    const { log, json } = capture();
    log.warn('server is down', { server: 'crm', attempts: 3 });
    expect(json()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        server: 'crm',
        attempts: 3,
        message: 'server is down',
      },
    ]);
  });

  it('writes one readable line in pretty format', () => {
    const { log, lines } = capture({ format: 'pretty' });
    log.info('listening', { url: 'http://127.0.0.1:3000', note: 'two words', n: 1 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO {2}listening url=http:\/\/127\.0\.0\.1:3000 note="two words" n=1\n$/,
    );
  });

  it('leaves out lines below the level and writes those at it', () => {
    const { log, json } = capture({ level: 'warn' });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(json().map((line) => line.message)).toEqual(['c', 'd']);
  });

  it('says nothing at all when silent', () => {
    const { log, lines } = capture({ level: 'silent' });
    log.error('x');
    expect(lines).toEqual([]);
  });

  it('gives every line of a child its fields', () => {
    const { log, json } = capture();
    log.child({ server: 'crm', token: 'canary' }).child({ pid: 7 }).info('started');
    expect(json()[0]).toMatchObject({ server: 'crm', pid: 7, token: '[redacted]' });
  });

  it('writes each key once, the nearest value, whatever a child, its child and the line are called', () => {
    const { log, lines } = capture();
    const server = log.child({ server: 'far', pid: 1 }).child({ server: 'near', time: 1 });
    server.info('x', { server: 'own', note: 'n', time: 2 });
    server.info('y');
    expect(lines.map((line) => strictLine(line.trimEnd()))).toMatchObject([
      { server: 'own', pid: 1, note: 'n', time_: 2, message: 'x' },
      { server: 'near', pid: 1, time_: 1, message: 'y' },
    ]);
  });

  it.each([
    'authorization',
    'Authorization',
    'token',
    'access_token',
    'clientSecret',
    'password',
    'X-Api-Key',
    'api_key',
    'Cookie',
    'set-cookie',
    'tokens',
  ])('hides the value of %s at any depth, in both formats', (key) => {
    for (const format of ['json', 'pretty'] as const) {
      const { log, lines } = capture({ format });
      log.info('x', { [key]: 'canary', deep: { list: [{ [key]: { inner: 'canary' } }] } });
      expect(lines.join('')).not.toContain('canary');
      expect(lines.join('')).toContain('[redacted]');
    }
  });

  it.each(['token_name', 'principal', 'secretary', 'cookies_enabled'])('shows the value of %s', (key) => {
    const { log, lines } = capture();
    log.info('x', { [key]: 'visible' });
    expect(lines.join('')).toContain('visible');
  });

  it('writes errors with their code and cause, and never throws on strange values', () => {
    const { log, json } = capture();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const error = Object.assign(new Error('refused', { cause: new Error('no route') }), { code: 'ECONNREFUSED' });
    const trap = Object.defineProperty({}, 'bad', { enumerable: true, get: () => expect.fail() });
    log.error('x', { error, cycle, big: 1n, trap, fn: () => 1, bytes: new Uint8Array(3) });
    expect(json()[0]).toMatchObject({
      error: 'Error: refused (ECONNREFUSED); caused by no route',
      big: '1',
      trap: { bad: '[unreadable]' },
      bytes: '[3 bytes]',
    });
  });

  it('keeps its own time, level and message when a field has the same name', () => {
    const { log, json } = capture();
    log.info('mine', { time: 'x', level: 'y', message: 'z' });
    expect(json()[0]).toMatchObject({ level: 'info', message: 'mine', level_: 'y', message_: 'z' });
  });

  it.each([
    'json',
    'pretty',
  ] as const)('puts any strings on exactly one line without control characters (%s)', (format) => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (m, k, v) => {
          const { log, lines } = capture({ format });
          log.info(`${m}\r\n\u001b[31m\u2028`, { [`k${k}`]: v, v: `\u009b\0${v}` });
          expect(lines).toHaveLength(1);
          expect(lines[0]).toMatch(/^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\n$/);
        },
      ),
    );
  });
});
