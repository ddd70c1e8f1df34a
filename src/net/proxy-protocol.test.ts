import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from './parse-address.ts';
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const BEHIND = 'POST /mcp HTTP/1.1\r\n';

/** `source` as text: what the header says, or why it says nothing. */
function read(bytes: Buffer | string): string {
  const header = readProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  if (header.kind === 'header') {
    return `${header.source?.text ?? 'nobody'} in ${header.length}${header.isEncrypted ? ', over TLS' : ''}`;
  }
  return header.kind === 'malformed' ? `malformed: ${header.fault}` : 'incomplete';
}

/** A header of version 2: command, family, then what the length counts. */
function v2(command: number, family: number, body: Buffer, size = body.length): Buffer {
  const fixed = Buffer.from(`${SIGNATURE}\0\0\0\0`, 'latin1');
  fixed[12] = command;
  fixed[13] = family;
  fixed.writeUInt16BE(size, 14);
  return Buffer.concat([fixed, body]);
}

function tlv(type: number, length: number, fill = 0): Buffer {
  return Buffer.concat([Buffer.from([type, length >> 8, length & 0xff]), Buffer.alloc(length, fill)]);
}

const four = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 0xd4, 0x31, 0x1f, 0x90]);
const six = (words: string): Buffer => Buffer.concat([Buffer.from(words, 'hex'), Buffer.alloc(16), Buffer.alloc(4)]);
const V6 = '20010db8000000000000000000000009';

describe('version 1', () => {
  it.each([
    ['PROXY TCP4 203.0.113.9 10.0.0.1 54321 8080\r\n', '203.0.113.9 in 44'],
    ['PROXY TCP6 2001:db8::9 2001:db8::1 54321 8080\r\n', '2001:db8::9 in 47'],
    ['PROXY TCP6 2001:DB8:0:0:0:0:0:9 ::1 0 65535\r\n', '2001:db8::9 in 45'],
    ['PROXY TCP6 ::ffff:203.0.113.9 ::ffff:10.0.0.1 1 2\r\n', '203.0.113.9 in 51'],
    ['PROXY UNKNOWN\r\n', 'nobody in 15'],
    ['PROXY UNKNOWN ffff:f...f:ffff what ever 1 2\r\n', 'nobody in 45'],
  ])('reads %j', (line, expected) => {
    expect(read(line)).toBe(expected);
    expect(read(line + BEHIND)).toBe(expected);
  });

  it.each([
    ['PROXY TCP4 2001:db8::9 10.0.0.1 54321 8080\r\n', 'an address that is none'],
    ['PROXY TCP6 203.0.113.9 10.0.0.1 54321 8080\r\n', 'an address that is none'],
    ['PROXY TCP4 203.0.113.9 10.0.0.256 54321 8080\r\n', 'an address that is none'],
    ['PROXY TCP4 0177.0.0.1 10.0.0.1 54321 8080\r\n', 'an address that is none'],
    ['PROXY TCP4 127.1 10.0.0.1 54321 8080\r\n', 'an address that is none'],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', 'an address that is none'],
    ['PROXY TCP4 203.0.113.9 10.0.0.1 054321 8080\r\n', 'a port that is none'],
    ['PROXY TCP4 203.0.113.9 10.0.0.1 54321 65536\r\n', 'a port that is none'],
    ['PROXY TCP4 203.0.113.9 10.0.0.1 -1 80\r\n', 'a port that is none'],
    ['PROXY TCP4 203.0.113.9 10.0.0.1 54321\r\n', 'a line that is not protocol, two addresses and two ports'],
    ['PROXY TCP4  203.0.113.9 10.0.0.1 54321 8080\r\n', 'a line that is not protocol, two addresses and two ports'],
    ['PROXY TCP4 203.0.113.9 10.0.0.1 54321 8080 \r\n', 'a line that is not protocol, two addresses and two ports'],
    ['PROXY TCP4 203.0.113.9\t10.0.0.1 54321 8080\r\n', 'a line that is not protocol, two addresses and two ports'],
    ['PROXY tcp4 203.0.113.9 10.0.0.1 54321 8080\r\n', 'a protocol that is not TCP4, TCP6 or UNKNOWN'],
    ['PROXY UDP4 203.0.113.9 10.0.0.1 54321 8080\r\n', 'a protocol that is not TCP4, TCP6 or UNKNOWN'],
    [`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`, 'a line without an end'],
    ['proxy TCP4 203.0.113.9 10.0.0.1 54321 8080\r\n', 'the first bytes are no PROXY header'],
    ['\r\nPROXY TCP4 203.0.113.9 10.0.0.1 1 2\r\n', 'the first bytes are no PROXY header'],
    [BEHIND, 'the first bytes are no PROXY header'],
    ['POST /', 'the first bytes are no PROXY header'],
  ])('refuses %j', (line, fault) => {
    expect(read(line)).toBe(`malformed: ${fault}`);
  });

  it('takes a line of 107 bytes and no longer one', () => {
    const line = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`;
    expect(read(line)).toBe('nobody in 107');
    expect(read(line.replace('\r\n', 'x\r\n'))).toBe('malformed: a line without an end');
    expect(read(line.slice(0, 106))).toBe('incomplete');
  });
});

describe('version 2', () => {
  it.each([
    ['TCP over IPv4', v2(0x21, 0x11, four), '203.0.113.9 in 28'],
    ['TCP over IPv6', v2(0x21, 0x21, six(V6)), '2001:db8::9 in 52'],
    ['IPv4 inside IPv6', v2(0x21, 0x21, six('00000000000000000000ffffcb007109')), '203.0.113.9 in 52'],
    ['TLVs behind the addresses', v2(0x21, 0x11, Buffer.concat([four, tlv(4, 600), tlv(5, 0)])), '203.0.113.9 in 634'],
    [
      'a client over TLS',
      v2(0x21, 0x11, Buffer.concat([four, tlv(4, 3), tlv(0x20, 5, 0x07)])),
      '203.0.113.9 in 42, over TLS',
    ],
    ['a client without TLS', v2(0x21, 0x11, Buffer.concat([four, tlv(0x20, 5, 0x06)])), '203.0.113.9 in 36'],
    ['a TLV about TLS that is empty', v2(0x21, 0x11, Buffer.concat([four, tlv(0x20, 0)])), '203.0.113.9 in 31'],
    ['LOCAL, whatever it says of addresses', v2(0x20, 0x11, four), 'nobody in 28'],
    ['LOCAL without addresses', v2(0x20, 0x00, Buffer.alloc(0)), 'nobody in 16'],
    ['LOCAL of an unknown family', v2(0x20, 0xff, Buffer.alloc(3)), 'nobody in 19'],
    ['an unspecified family', v2(0x21, 0x00, Buffer.alloc(7)), 'nobody in 23'],
  ])('reads %s', (_, bytes, expected) => {
    expect(read(bytes)).toBe(expected);
    expect(read(Buffer.concat([bytes, Buffer.from(BEHIND)]))).toBe(expected);
  });

  it.each([
    ['UDP', v2(0x21, 0x12, four), 'a family that is not TCP over IPv4 or IPv6'],
    ['a Unix socket', v2(0x21, 0x31, Buffer.alloc(216)), 'a family that is not TCP over IPv4 or IPv6'],
    ['an unknown family', v2(0x21, 0x41, Buffer.alloc(216)), 'a family that is not TCP over IPv4 or IPv6'],
    ['version 1 in binary', v2(0x11, 0x11, four), 'a version or command that is unknown'],
    ['version 3', v2(0x31, 0x11, four), 'a version or command that is unknown'],
    ['an unknown command', v2(0x22, 0x11, four), 'a version or command that is unknown'],
    ['half a TLV', v2(0x21, 0x11, Buffer.concat([four, tlv(0x20, 5, 0x01).subarray(0, 7)])), 'a TLV that is cut off'],
    ['a TLV without its length', v2(0x21, 0x11, Buffer.concat([four, Buffer.alloc(2)])), 'a TLV that is cut off'],
    ['half an address', v2(0x21, 0x11, four.subarray(0, 11)), 'a header too short for its addresses'],
    ['IPv4 addresses that call themselves IPv6', v2(0x21, 0x21, four), 'a header too short for its addresses'],
    ['a length nobody sends', v2(0x21, 0x11, four, 65_535), 'a header of 65551 bytes'],
    ['another signature', Buffer.from(`${SIGNATURE.slice(0, 11)}\r!\x11\0\x0c`), 'the first bytes are no PROXY header'],
  ])('refuses %s', (_, bytes, fault) => {
    expect(read(bytes)).toBe(`malformed: ${fault}`);
  });
});

describe('a header in pieces', () => {
  const address4 = fc.ipV4().filter((text) => parseAddress(text) !== undefined);
  const port = fc.integer({ min: 0, max: 65_535 });
  const sound = fc.oneof(
    fc
      .tuple(address4, address4, port, port)
      .map(([from, to, a, b]) => ({ bytes: Buffer.from(`PROXY TCP4 ${from} ${to} ${a} ${b}\r\n`), from })),
    fc
      .tuple(fc.ipV6(), fc.ipV6(), port, port)
      .filter(([from, to]) => parseAddress(from) !== undefined && parseAddress(to) !== undefined)
      .map(([from, to, a, b]) => ({ bytes: Buffer.from(`PROXY TCP6 ${from} ${to} ${a} ${b}\r\n`), from })),
    fc.tuple(address4, fc.nat({ max: 300 })).map(([from, size]) => {
      const body = Buffer.concat([Buffer.from(from.split('.').map(Number)), Buffer.alloc(8), tlv(4, size)]);
      return { bytes: v2(0x21, 0x11, body), from };
    }),
  );

  it('is incomplete until its last byte, then says its source, and never looks behind', () => {
    fc.assert(
      fc.property(sound, fc.uint8Array({ maxLength: 64 }), ({ bytes, from }, behind) => {
        for (let length = 0; length < bytes.length; length++) {
          expect(readProxyHeader(bytes.subarray(0, length)).kind).toBe('incomplete');
        }
        const header = readProxyHeader(Buffer.concat([bytes, behind])) as ProxyHeader & { kind: 'header' };
        expect(header.length).toBe(bytes.length);
        expect(header.source?.equals(parseAddress(from)!)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('once said malformed stays malformed, whatever follows, and is never unfinished for ever', () => {
    const starts = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 1.2.3.4 ', SIGNATURE, `${SIGNATURE}\x21\x11`);
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 120 }), (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest]);
        let fault = '';
        for (let length = 1; length <= bytes.length; length++) {
          const said = read(bytes.subarray(0, length));
          if (fault !== '') expect(said.startsWith('malformed')).toBe(true);
          else if (said.startsWith('malformed')) fault = said;
        }
        expect(read(Buffer.concat([bytes, Buffer.alloc(2_100, 0x41)]))).not.toBe('incomplete');
      }),
      { numRuns: 200 },
    );
  });
});
