import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compareText, MOST_LINES } from './compare-text.ts';
import { convertTime } from './convert-time.ts';
import { hashText } from './hash-text.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

describe('convert_time', () => {
  it('tells a Berlin winter time in other zones', () => {
    expect(
      convertTime('2026-11-21T14:30', 'Europe/Berlin', ['UTC', 'America/New_York', 'Asia/Kathmandu'], NOW),
    ).toEqual({
      instant: '2026-11-21T13:30:00.000Z',
      times: [
        { zone: 'UTC', local: '2026-11-21T13:30:00', offset: '+00:00', weekday: 'Saturday' },
        { zone: 'America/New_York', local: '2026-11-21T08:30:00', offset: '-05:00', weekday: 'Saturday' },
        { zone: 'Asia/Kathmandu', local: '2026-11-21T19:15:00', offset: '+05:45', weekday: 'Saturday' },
      ],
    });
  });

  it('knows summer time and the day line', () => {
    const { times } = convertTime('2026-07-01 23:30:15', 'Europe/Berlin', ['Pacific/Auckland'], NOW);
    expect(times[0]).toEqual({
      zone: 'Pacific/Auckland',
      local: '2026-07-02T09:30:15',
      offset: '+12:00',
      weekday: 'Thursday',
    });
  });

  it('takes "now"', () => {
    expect(convertTime('now', 'UTC', ['Asia/Tokyo'], NOW).times[0]?.local).toBe('2026-11-21T21:00:00');
  });

  it('says when the clocks skip the time', () => {
    const gap = convertTime('2026-03-29T02:30', 'Europe/Berlin', ['Europe/Berlin'], NOW);
    expect(gap.note).toContain('does not exist');
    expect(gap.times[0]?.local).toBe('2026-03-29T03:30:00');
  });

  it('says when the clocks show the time twice, and takes the first', () => {
    const overlap = convertTime('2026-10-25T02:30', 'Europe/Berlin', ['UTC'], NOW);
    expect(overlap.note).toContain('twice');
    expect(overlap.instant).toBe('2026-10-25T00:30:00.000Z');
  });

  it.each([
    '2026-02-31T10:00',
    '2026-11-21T24:30',
    '2026-11-21T10:61',
    'tomorrow',
    '2026-11-21T10:00Z',
  ])('refuses %s', (time) => {
    expect(() => convertTime(time, 'UTC', ['UTC'], NOW)).toThrow(RangeError);
  });

  it('refuses a zone nobody knows', () => {
    expect(() => convertTime('now', 'Mars/Olympus', ['UTC'], NOW)).toThrow('Mars/Olympus');
  });
});

describe('hash_text', () => {
  const digest = createHash('sha256').update('grüße').digest('hex');

  it('hashes UTF-8', () => {
    expect(hashText('grüße', 'sha256')).toEqual({ algorithm: 'sha256', digest, bytes: 7 });
  });

  it('says whether an expected digest matches, in any case', () => {
    expect(hashText('grüße', 'sha256', ` ${digest.toUpperCase()}`).matches).toBe(true);
    expect(hashText('gruesse', 'sha256', digest).matches).toBe(false);
  });

  it.each(['', 'abc', `${'0'.repeat(63)}g`])('refuses %j, which is no digest', (expected) => {
    expect(() => hashText('x', 'sha256', expected)).toThrow('64 hexadecimal digits');
  });
});

describe('compare_text', () => {
  const options = { ignoreWhitespace: false, signal: new AbortController().signal };

  it('finds equal texts equal, whatever the line ends', async () => {
    expect(await compareText('a\nb\n', 'a\r\nb', options)).toEqual({
      equal: true,
      added: 0,
      removed: 0,
      diff: ' a\n b',
    });
    expect((await compareText('', '', options)).equal).toBe(true);
  });

  it('shows what was removed and added, in place', async () => {
    const compared = await compareText('one\ntwo\nthree\nfour', 'one\n2\nthree\nfour\nfive', options);
    expect(compared).toEqual({ equal: false, added: 2, removed: 1, diff: ' one\n-two\n+2\n three\n four\n+five' });
  });

  it('compares with nothing', async () => {
    expect(await compareText('', 'a\nb', options)).toMatchObject({ added: 2, removed: 0, diff: '+a\n+b' });
  });

  it('can overlook blanks', async () => {
    expect((await compareText('a  b', ' a b', { ...options, ignoreWhitespace: true })).equal).toBe(true);
    expect((await compareText('a  b', ' a b', options)).equal).toBe(false);
  });

  const text = (count: number, word: string) => Array.from({ length: count }, (_, i) => `${word} ${i}`).join('\n');

  it('reports growing progress up to the whole', async () => {
    const reports: [number, number][] = [];
    const onProgress = (done: number, total: number) => Promise.resolve(void reports.push([done, total]));
    await compareText(text(600, 'a'), text(600, 'b'), { ...options, onProgress });
    expect(reports).toEqual([
      [250, 600],
      [500, 600],
      [600, 600],
    ]);
  });

  it('stops when cancelled', async () => {
    const controller = new AbortController();
    const onProgress = () => Promise.resolve(controller.abort(new Error('cancelled')));
    const running = compareText(text(600, 'a'), text(600, 'b'), { ...options, signal: controller.signal, onProgress });
    await expect(running).rejects.toThrow('cancelled');
  });

  it('refuses more differing lines than the bound, but not more equal ones', async () => {
    const long = text(MOST_LINES + 1, 'a');
    await expect(compareText(long, text(MOST_LINES + 1, 'b'), options)).rejects.toThrow(RangeError);
    expect((await compareText(long, long, options)).equal).toBe(true);
  });
});
