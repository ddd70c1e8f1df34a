import { describe, expect, it } from 'vitest';
import { parseDuration, parseMoment } from './times.ts';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '1', 'd', '-1d', '1.5h', '1 d', '1D', '1y', '999999999w', '0x1d', '1d2h'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('a moment', () => {
  it.each([
    ['1h', 3_601_000],
    ['2027-01-01', Date.UTC(2027, 0, 1)],
    ['2027-01-01T12:30+02:00', Date.UTC(2027, 0, 1, 10, 30)],
    ['2028-02-29T00:00:00.5Z', Date.UTC(2028, 1, 29, 0, 0, 0, 500)],
  ])('%s is %d', (text, time) => {
    expect(parseMoment(text, 1_000)).toBe(time);
  });

  it.each([
    'tomorrow',
    '2027-02-29',
    '2027-13-01',
    '2027-01-01T12:00',
    '2027-01-01T25:00Z',
    '01/02/2027',
    '2027',
  ])('%j is none', (text) => {
    expect(parseMoment(text, 0)).toBeUndefined();
  });
});
