import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { Cidr, parseCidr } from './cidr.ts';
import { parseAddress } from './parse-address.ts';

const SEED = 20_260_728;

const octet = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 255 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('256', '01', '00', '0x7f', '0177', '999', '', '1e2', '+1', ' 1', '１') },
);
const dotted = fc
  .array(octet, { minLength: 3, maxLength: 5, size: 'max' })
  .chain((parts) => fc.constant((parts.length === 3 ? [...parts, '7'] : parts).join('.')));
const group = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('0', '0', '0000', '1', 'ffff', 'FFFF', 'db8', '00a0') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16)) },
  { weight: 1, arbitrary: fc.constantFrom('10000', 'g', '', '-1', 'fffff') },
);
const colons = fc
  .tuple(
    fc.array(group, { minLength: 0, maxLength: 8, size: 'max' }),
    fc.constantFrom('', '::', ':', ':::'),
    fc.array(group, { minLength: 0, maxLength: 8, size: 'max' }),
    fc.constantFrom('', '', '', ':1.2.3.4', '%eth0', ':255.0.0.1', ':1.2.3', ':80', ']'),
  )
  .map(([left, gap, right, end]) => `${left.join(':')}${gap}${right.join(':')}${end}`);
const whole = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':'));
const mapped = fc
  .tuple(fc.constantFrom('::ffff:', '::FFFF:', '0:0:0:0:0:ffff:', '::'), dotted)
  .map((parts) => parts.join(''));
const noise = fc.string({ unit: fc.constantFrom(...'0123456789abcfABF::::....%/ x[]'), maxLength: 24 });
const address = fc.oneof(dotted, colons, whole, mapped, noise);
const prefix = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 128 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('129', '-1', '', '24 ', 'abc', '1000') },
);

/** Networks made from addresses by clearing bits, so that many are sound, and some with bits left over. */
const network = fc.tuple(address, prefix, fc.boolean()).map(([text, bits, clear]) => {
  const parsed = parseAddress(text);
  if (!clear || parsed === undefined || text.includes('::ffff')) return `${text}/${bits}`;
  const limit = parsed.family === 4 ? 32 : 128;
  const fault = parseCidr(`${parsed.text}/${Number(bits) % (limit + 1)}`);
  return fault instanceof Cidr ? fault.text : (/Did you mean ([^,]+),/.exec(fault.remedy)?.[1] ?? text);
});

const addresses = fc.sample(address, { numRuns: 20_000, seed: SEED });
const networks = fc.sample(
  fc.tuple(network, address, fc.boolean()).map(([net, text, inside]): [string, string] => {
    const cidr = parseCidr(net);
    return [net, inside && cidr instanceof Cidr ? cidr.last.text : text];
  }),
  { numRuns: 5_000, seed: SEED },
);

describe('beside ipaddr.js', () => {
  it('the same texts are addresses, of the same spelling', () => {
    for (const text of addresses) {
      if (!COMPATIBLE.test(text)) expect([text, parseAddress(text)?.text]).toEqual([text, ofIpaddrJs(text)]);
    }
  });

  it('the same networks hold the same addresses', () => {
    let held = 0;
    for (const [net, text] of networks) {
      const [cidr, inside] = [parseCidr(net), parseAddress(text)];
      if (!(cidr instanceof Cidr) || inside === undefined) continue;
      const other = ipaddr.process(inside.text);
      const range = ipaddr.parseCIDR(`${cidr.base.text}/${cidr.prefix}`);
      const expected = other.kind() === range[0].kind() && other.match(range);
      expect([net, text, cidr.contains(inside)]).toEqual([net, text, expected]);
      held += Number(expected);
    }
    expect(held).toBeGreaterThan(50);
  });
});

/** There these are IPv4; RFC 4291, section 2.5.5.1, has given them up, and they are IPv6 like any other. */
const COMPATIBLE = /^::\d+\.[\d.]+$/;

/** Differences wanted: short, octal and hexadecimal IPv4, zones, and zeros in front are addresses there. */
function ofIpaddrJs(text: string): string | undefined {
  if (!text.includes(':'))
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text).toString() : undefined;
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (text.includes('%') || (tail.includes('.') && !ipaddr.IPv4.isValidFourPartDecimal(tail))) return undefined;
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  const parsed = ipaddr.process(text);
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).toRFC5952String();
}

describe("beside Python's ipaddress", () => {
  const said = askPython([
    ...addresses.map((text) => ['address', text]),
    ...networks.map((pair) => ['network', ...pair]),
  ]);

  it('the same texts are addresses, of the same spelling', () => {
    for (const [i, text] of addresses.entries())
      expect([text, parseAddress(text)?.text ?? null]).toEqual([text, said[i]]);
    expect(said.slice(0, addresses.length).filter((text) => text !== null).length).toBeGreaterThan(2_000);
  });

  it('the same texts are networks, of the same spelling, and hold the same addresses', () => {
    for (const [i, [net, text]] of networks.entries()) {
      const [cidr, inside] = [parseCidr(net), parseAddress(text)];
      const ours = cidr instanceof Cidr ? [cidr.text, inside !== undefined && cidr.contains(inside)] : null;
      expect([net, text, ours]).toEqual([net, text, said[addresses.length + i]]);
    }
    expect(said.slice(addresses.length).filter((text) => text !== null).length).toBeGreaterThan(500);
  });
});

/** Differences wanted: zones, and zeros in front of a prefix, are none here; IPv4 inside IPv6 is IPv4. */
function askPython(questions: readonly (readonly string[])[]): unknown[] {
  const script = `
import ipaddress, json, re, sys

def folded(text):
    if '%' in text: raise ValueError
    address = ipaddress.ip_address(text)
    return getattr(address, 'ipv4_mapped', None) or address

def network(text):
    base, slash, bits = text.partition('/')
    address = folded(base)
    if slash and not re.fullmatch('0|[1-9][0-9]{0,2}', bits): raise ValueError
    if ':' in base and address.version == 4 and slash:
        if not 96 <= int(bits) <= 128: raise ValueError
        bits = str(int(bits) - 96)
    return ipaddress.ip_network(str(address) + slash + bits)

def answer(question):
    try:
        if question[0] == 'address': return str(folded(question[1]))
        found = network(question[1])
    except ValueError:
        return None
    text = str(found.network_address) if found.num_addresses == 1 else str(found)
    try:
        return [text, folded(question[2]) in found]
    except ValueError:
        return [text, False]

json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
`;
  const { stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(questions),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (stdout === '') throw new Error(`python3: ${stderr}`);
  return JSON.parse(stdout) as unknown[];
}
