import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { withoutTools } from './tool-list.ts';

const seen = (name: string): boolean => !name.startsWith('admin_');

function shown(text: string): string | undefined {
  return withoutTools(messageOf(text), seen, true)?.toBuffer().toString();
}
const list = (tools: string, more = '') => `{"jsonrpc":"2.0","id":1,"result":{"tools":${tools}${more}}}`;

const ECHO = '{ "name" : "echo", "inputSchema":{"type":"object","x":1.0} }';
const FIND = '{"description":"\\u00e9 \\/","name":"find"}';
const DROP = '{"name":"admin_drop"}';

describe('a list of tools', () => {
  it('loses the hidden ones; the bytes of the others stay as they were', () => {
    expect(shown(list(`[ ${ECHO} ,${DROP},  ${FIND}]`))).toBe(list(`[${ECHO},${FIND}]`));
    expect(shown(list(`[${DROP}]`))).toBe(list('[]'));
  });

  it('that hides nothing is not touched at all', () => {
    const text = list(`[ ${ECHO} , ${FIND} ]`, ',"nextCursor":"c"');
    expect(shown(text)).toBe(text);
    expect(shown(list('[]'))).toBe(list('[]'));
  });

  it('keeps the cursor and everything else beside the tools', () => {
    expect(shown(list(`[${DROP}]`, ',"nextCursor":"c","ttlMs":1.50'))).toBe(
      list('[]', ',"nextCursor":"c","ttlMs":1.50'),
    );
  });

  it('made for one caller is no longer public, even when it hides nothing', () => {
    expect(shown(list(`[${ECHO}]`, ',"cacheScope":"public"'))).toBe(list(`[${ECHO}]`, ',"cacheScope":"private"'));
    expect(shown(list(`[${DROP}]`, ',"cacheScope":"public"'))).toBe(list('[]', ',"cacheScope":"private"'));
    expect(shown(list(`[${ECHO}]`, ',"cacheScope":"private"'))).toBe(list(`[${ECHO}]`, ',"cacheScope":"private"'));
  });

  it('that is the same for everybody may stay public', () => {
    const edited = withoutTools(messageOf(list(`[${ECHO},${DROP}]`, ',"cacheScope":"public"')), seen, false);
    expect(edited?.toBuffer().toString()).toBe(list(`[${ECHO}]`, ',"cacheScope":"public"'));
  });

  it('loses what has no name a rule could judge', () => {
    expect(shown(list(`[{"title":"x"},"y",{"name":7},null,${ECHO}]`))).toBe(list(`[${ECHO}]`));
  });

  it('judges a name as it reads, not as it is spelt', () => {
    expect(shown(list('[{"name":"\\u0061dmin_drop"}]'))).toBe(list('[]'));
  });

  it.each([
    ['is no array', list('{}')],
    ['is missing', '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['is null', list('null')],
  ])('that %s is not passed on', (_, text) => {
    expect(withoutTools(messageOf(text), seen, true)).toBeUndefined();
  });
});
