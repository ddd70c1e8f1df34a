import { describe, expect, it } from 'vitest';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { outboundRequest } from './rewrite.ts';

function rewritten(text: string): string {
  const message = scanMessage(Buffer.from(text));
  if (isScanFailure(message)) throw new Error(message.detail);
  return outboundRequest(message, 42).toString();
}

describe('outboundRequest', () => {
  it('replaces the id and leaves every other byte alone', () => {
    expect(
      rewritten('{ "id" : "a", "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0,"_meta":{"k":"id"}} }'),
    ).toBe('{ "id" : 42, "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0,"_meta":{"k":"id"}} }');
  });

  it('replaces the progress token by the same integer', () => {
    expect(rewritten('{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"progressToken":"a","x":1}}}')).toBe(
      '{"jsonrpc":"2.0","id":42,"method":"m","params":{"_meta":{"progressToken":42,"x":1}}}',
    );
  });
});
