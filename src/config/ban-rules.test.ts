import { expect, it } from 'vitest';
import { load } from '../../test/fixtures/config/folder.ts';

const doubts = (trust: string, enabled = true) =>
  load(`server: { trust_proxy: ${trust} }\nsecurity: { bans: { enabled: ${enabled} } }\n`).warnings.filter(
    ({ path }) => path === 'security.bans.enabled',
  );

it.each([
  ['true', /bans nobody/],
  ['2', /gets around them/],
  ['"2"', /gets around them/],
])('bans are doubted where trust_proxy is %s', (trust, why) => {
  expect(doubts(trust)).toMatchObject([{ problem: expect.stringMatching(why) }]);
  expect(doubts(trust, false)).toEqual([]);
});

it.each(['false', 'loopback', '[10.0.0.1]'])('bans are good where trust_proxy is %s', (trust) => {
  expect(doubts(trust)).toEqual([]);
});
