import { parseAddress } from '../../src/net/parse-address.ts';
import { readProxyHeader } from '../../src/net/proxy-protocol.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
/** Longer than any header may be. */
const ENOUGH = Buffer.alloc(2_100, 0x41);

function line(random: Random): Buffer {
  const family = random.pick(['TCP4', 'TCP6', 'UNKNOWN']);
  const address = (): string =>
    family === 'TCP6' ? random.pick(['::1', '2001:db8::9', '::ffff:1.2.3.4']) : `10.${random.below(300)}.0.1`;
  return Buffer.from(
    `PROXY ${family} ${address()} ${address()} ${random.below(70_000)} ${random.below(70_000)}\r\nGET /`,
  );
}

function binary(random: Random): Buffer {
  const body = random.bytes(random.below(80));
  const fixed = Buffer.from(`${SIGNATURE}\0\0\0\0`, 'latin1');
  fixed[12] = random.pick([0x20, 0x21, 0x21, 0x11]);
  fixed[13] = random.pick([0x00, 0x11, 0x21, 0x12, 0x31]);
  fixed.writeUInt16BE(random.once(8) ? random.below(65_536) : body.length, 14);
  return Buffer.concat([fixed, body]);
}

export const proxyProtocol: Target = {
  name: 'proxy-protocol',
  weight: 5,
  maxBytes: 256,
  dictionary: [
    'PROXY ',
    'TCP4 ',
    'TCP6 ',
    'UNKNOWN',
    '\r\n',
    '\n',
    ' ',
    '0',
    '::',
    '65535',
    '127.0.0.1',
    Buffer.from(SIGNATURE, 'latin1'),
  ],
  generate: (random) => (random.once(2) ? line(random) : binary(random)),
  check(bytes, random) {
    const whole = readProxyHeader(bytes);
    const cut = random.below(bytes.length + 1);
    const part = readProxyHeader(bytes.subarray(0, cut));
    if (part.kind !== 'incomplete') mustEqual(summary(whole), summary(part), 'a verdict that more bytes changed');
    if (whole.kind === 'incomplete') {
      must(readProxyHeader(Buffer.concat([bytes, ENOUGH])).kind !== 'incomplete', 'a header that never ends');
    }
    if (whole.kind !== 'header') return;
    must(whole.length <= bytes.length, 'a header longer than what there is');
    const exact = readProxyHeader(bytes.subarray(0, whole.length));
    mustEqual(summary(exact), summary(whole), 'a header read without what follows it');
    const { source } = whole;
    if (source !== undefined) must(parseAddress(source.text)?.equals(source) === true, 'a source that is no address');
  },
};

/** Faults may be told sooner or later in other words. */
function summary(header: ReturnType<typeof readProxyHeader>): string {
  return header.kind === 'header' ? `${header.length} ${header.source?.text}` : header.kind;
}
