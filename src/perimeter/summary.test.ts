import { describe, expect, it } from 'vitest';
import { load } from '../../test/fixtures/config/folder.ts';
import { NO_LIVE_ENTRIES } from '../../test/support/live-entries.ts';
import { compilePerimeter } from './in-force.ts';
import { listsText, summaryOf } from './summary.ts';

async function summary(text: string) {
  const { data, admin } = await compilePerimeter(load(text).settings, NO_LIVE_ENTRIES);
  return summaryOf(data, admin);
}

const servers = (mode: string) => `
mcps:
  - { id: crm, transport: sse, url: "http://a.example/", security: { mode: ${mode}, ip_blacklist: [10.0.0.9] } }
  - { id: search, transport: sse, url: "http://b.example/" }
`;

describe('what is said of the perimeter in force', () => {
  it('has every list that is set, with its size, and whom the gateway trusts and why', async () => {
    const { lists, ...rest } = await summary(`${servers('enforce')}
security: { ip_whitelist: [10.0.0.0/8, 192.0.2.1], ip_blacklist: [] }
admin: { ip_whitelist: [127.0.0.1] }`);
    expect(listsText(lists)).toBe(
      'security.ip_whitelist (2 entries), security.ip_blacklist (0 entries), ' +
        'mcps.crm.security.ip_blacklist (1 entry), admin.ip_whitelist (1 entry)',
    );
    expect(rest).toEqual({
      mode: 'enforce',
      otherwise: [],
      trust_proxy: { value: false, why: expect.stringContaining('server.trust_proxy is not set') },
      forwarded_header: 'x-forwarded-for',
    });
    expect(listsText((await summary('{}')).lists)).toBe('none');
  });

  it('names the servers on whose routes the mode is the other one', async () => {
    const modes = async (gateway: string, own: string) => {
      const { mode, otherwise } = await summary(`${servers(own)}security: { mode: ${gateway} }`);
      return [mode, otherwise];
    };
    expect(await modes('report', 'enforce')).toEqual(['report', ['crm']]);
    expect(await modes('enforce', 'report')).toEqual(['enforce', ['crm']]);
    expect(await modes('report', 'report')).toEqual(['report', []]);
  });
});
