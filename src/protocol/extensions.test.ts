import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { Edits } from '../jsonrpc/edits.ts';
import { declares, removeUnlistedExtensions } from './extensions.ts';

const ALLOWED = new Set(['io.modelcontextprotocol/tasks']);
const text = (capabilities: string) => `{"jsonrpc":"2.0","method":"x","params":{"capabilities":${capabilities}}}`;

function left(capabilities: string): string {
  const message = messageOf(text(capabilities));
  const edits = new Edits(message.bytes);
  removeUnlistedExtensions(edits, message.params?.object('capabilities'), ALLOWED);
  return edits.toBuffer().toString();
}

describe('the extensions of a capabilities object', () => {
  it.each([
    ['loses those that are not allowed', '{"extensions":{ "io.modelcontextprotocol/tasks":{"x":1.0}, "a.b/c":{}}}'],
    ['keeps what is allowed', '{"extensions":{ "io.modelcontextprotocol/tasks":{"x":1.0}}}'],
  ])('%s, byte for byte', (_, capabilities) => {
    expect(left(capabilities)).toBe(text('{"extensions":{ "io.modelcontextprotocol/tasks":{"x":1.0}}}'));
  });

  it('may be none in the end, and none that could be read another way', () => {
    expect(left('{"roots":{},"extensions":{"a.b/c":{}}}')).toBe(text('{"roots":{},"extensions":{}}'));
    expect(left('{"roots":{},"extensions":["a.b/c"]}')).toBe(text('{"roots":{}}'));
    expect(left('{"extensions":{"IO.modelcontextprotocol/tasks":{}}}')).toBe(text('{"extensions":{}}'));
  });

  it('leaves everything else as it is', () => {
    const others = '{ "experimental":{"a.b/c":{}},"sampling":{} }';
    expect(left(others)).toBe(text(others));
  });

  it('are declared by an object of settings', () => {
    const of = (capabilities: string) => messageOf(text(capabilities)).params?.object('capabilities');
    expect(declares(of('{"extensions":{"a.b/c":{}}}'), 'a.b/c')).toBe(true);
    for (const not of ['{}', '{"extensions":{"a.b/c":null}}', '{"extensions":{"a.b/d":{}}}']) {
      expect(declares(of(not), 'a.b/c')).toBe(false);
    }
  });
});
