import { describe, expect, it } from 'vitest';
import { MacKey } from '../crypto/mac.ts';
import { disabledAudit } from './audit.ts';
import type { AuditRow } from './record.ts';
import { auditShowing, showAddresses } from './shown-addresses.ts';

const key = (byte: number) => new MacKey(Buffer.alloc(32, byte));
const shown = (mode: 'full' | 'truncated' | 'hashed', byte = 1) => {
  const mac = key(byte);
  return showAddresses(mode, (text) => mac.mark(text));
};

describe('an address that is written down', () => {
  it.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['127.0.0.1', '127.0.0.0/24'],
    ['2001:db8:1:2::7', '2001:db8:1::/48'],
    ['', ''],
    ['junk', '(no address)'],
  ])('is cut: %j to %j', (address, text) => {
    expect(shown('truncated')(address)).toBe(text);
    expect(shown('full')(address)).toBe(address);
  });

  it('is hashed under a key: the same address alike, and nobody can try them all without it', () => {
    const show = shown('hashed');
    expect(show('203.0.113.7')).toMatch(/^h:[\w-]{16}$/);
    expect(show('203.0.113.7')).toBe(show('203.0.113.7'));
    expect(show('203.0.113.7')).not.toBe(show('203.0.113.8'));
    expect(show('203.0.113.7')).not.toBe(shown('hashed', 2)('203.0.113.7'));
    expect(show('')).toBe('');
  });

  it('stands so in every row, and the caller’s row stays as it is', async () => {
    const rows: [AuditRow, string?][] = [];
    const audit = auditShowing(
      {
        ...disabledAudit,
        write: (row) => void rows.push([row]),
        note: (row) => void rows.push([row]),
        refusal: (row, by) => void rows.push([row, by]),
      },
      shown('truncated'),
    );
    const row: AuditRow = { type: 'decision', peer: '203.0.113.7', client: '2001:db8::7', tool: 'echo' };
    await audit.write(row);
    audit.note(row);
    audit.note({ type: 'lifecycle' });
    audit.refusal(row, '203.0.113.7');
    const cut = { type: 'decision', peer: '203.0.113.0/24', client: '2001:db8::/48', tool: 'echo' };
    expect(rows).toEqual([[cut], [cut], [{ type: 'lifecycle' }], [cut, '203.0.113.0/24']]);
    expect(row.peer).toBe('203.0.113.7');
    expect(audit.healthy).toBe(true);
  });
});
