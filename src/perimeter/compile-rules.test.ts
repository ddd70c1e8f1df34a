import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../../test/fixtures/config/folder.ts';
import { NO_LIVE_ENTRIES } from '../../test/support/live-entries.ts';
import { loadConfiguration } from '../config/load.ts';
import { parseAddress } from '../net/parse-address.ts';
import { compileNetworkRules } from './compile-rules.ts';

const TEXT = 'security: { ip_whitelist: [10.0.0.0/8, { file: lists/office.txt }] }';

function compiledIn(folder: string) {
  const { settings } = loadConfiguration({ env: {}, flags: {}, cwd: folder });
  return compileNetworkRules(settings, NO_LIVE_ENTRIES);
}

const compiled = (list: string) => compiledIn(folderWith({ 'sallyport.yaml': TEXT, 'lists/office.txt': list }));

describe('a list in a file', () => {
  it('counts beside the other entries, found beside the configuration file; denials name its line', async () => {
    const { data } = await compiled('# office\n\n203.0.113.0/24   # Berlin\r\n2001:db8::/32\n');
    const entryFor = (text: string) => data.gateway.rules.allow?.find(parseAddress(text)!);
    expect(entryFor('10.1.1.1')?.place).toBe('security.ip_whitelist[0]');
    expect(entryFor('203.0.113.9')).toMatchObject({ note: 'Berlin', place: expect.stringMatching(/office\.txt:3$/) });
    expect(entryFor('203.0.113.9')?.cidr.text).toBe('203.0.113.0/24');
    expect(entryFor('2001:db8::1')?.cidr.text).toBe('2001:db8::/32');
    expect(entryFor('203.0.114.1')).toBeUndefined();
  });

  it.each([
    [
      'a bad line',
      '10.0.0.1\n10.0.0.0/33\n',
      /ip_whitelist\[1\]\.file cannot be used:\n.*office\.txt:2: "10\.0\.0\.0\/33"/,
    ],
    ['nothing but comments', '# nobody\n', /holds no address and no network/],
    ['nothing', '', /holds no address and no network/],
  ])('with %s is no list', async (_, list, message) => {
    await expect(compiled(list)).rejects.toThrow(message);
  });

  it('that is not there is named with its setting', async () => {
    const folder = folderWith({ 'sallyport.yaml': TEXT });
    await expect(compiledIn(folder)).rejects.toThrow(
      /security\.ip_whitelist\[1\]\.file = .*office\.txt cannot be read \(ENOENT\)/,
    );
  });

  it('is read anew each time, and what was read before stays what it was', async () => {
    const folder = folderWith({ 'sallyport.yaml': TEXT, 'lists/office.txt': '203.0.113.1\n' });
    const before = await compiledIn(folder);
    writeFileSync(join(folder, 'lists/office.txt'), '203.0.113.2\n');
    const after = await compiledIn(folder);
    const holds = ({ data }: typeof before, text: string) =>
      data.gateway.rules.allow?.find(parseAddress(text)!) !== undefined;
    expect([holds(before, '203.0.113.1'), holds(before, '203.0.113.2')]).toEqual([true, false]);
    expect([holds(after, '203.0.113.1'), holds(after, '203.0.113.2')]).toEqual([false, true]);
  });
});
