import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAC_KEY_BYTES, MacKey } from '../crypto/mac.ts';
import type { PrincipalId } from '../identity/principal.ts';
import { TaskHandles } from './task-handles.ts';

const ada = 'token:ada' as PrincipalId;
const bob = 'token:bob' as PrincipalId;
const handles = new TaskHandles(new MacKey(Buffer.alloc(MAC_KEY_BYTES, 1)));
const word = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.string({ minLength: 1 }),
  fc.constantFrom('~', 'a~b', '~~'),
);

describe('the handle of a task', () => {
  it('is the same to whoever it was made for, whatever the id and the tool are called', () => {
    fc.assert(
      fc.property(word, word, (id, tool) => {
        const handle = handles.issue('crm', ada, { id, tool });
        expect(handles.open('crm', ada, handle ?? '')).toEqual({ id, tool });
      }),
    );
  });

  it('is nothing to another principal, on another server, and to a gateway with another key', () => {
    const handle = handles.issue('crm', ada, { id: 't-1', tool: 'export' }) as string;
    expect(handles.open('crm', bob, handle)).toBeUndefined();
    expect(handles.open('search', ada, handle)).toBeUndefined();
    const elsewhere = new TaskHandles(new MacKey(Buffer.alloc(MAC_KEY_BYTES, 2)));
    expect(elsewhere.open('crm', ada, handle)).toBeUndefined();
    const restarted = new TaskHandles(new MacKey(Buffer.alloc(MAC_KEY_BYTES, 1)));
    expect(restarted.open('crm', ada, handle)).toEqual({ id: 't-1', tool: 'export' });
  });

  it('is nothing with one character changed, or left out', () => {
    const handle = handles.issue('crm', ada, { id: 't-1', tool: 'export' }) as string;
    for (let at = 0; at < handle.length; at += 1) {
      const [before, after] = [handle.slice(0, at), handle.slice(at + 1)];
      expect(handles.open('crm', ada, before + after)).toBeUndefined();
      for (const other of ['A', 'b', '~', '=']) {
        if (other !== handle[at]) expect(handles.open('crm', ada, before + other + after)).toBeUndefined();
      }
    }
  });

  it('is not what somebody makes up', () => {
    fc.assert(fc.property(fc.string(), (text) => handles.open('crm', ada, text) === undefined));
    for (const text of ['', '~', '~~', '~~~', 't-1', 't-1~~', '~x~y'])
      expect(handles.open('crm', ada, text)).toBeUndefined();
  });

  it('is not made for an id that no header could carry', () => {
    expect(handles.issue('crm', ada, { id: '', tool: 'a' })).toBeUndefined();
    expect(handles.issue('crm', ada, { id: 'x'.repeat(1025), tool: 'a' })).toBeUndefined();
    expect(handles.issue('crm', ada, { id: 'x'.repeat(1024), tool: 'a' })).toBeDefined();
  });
});
