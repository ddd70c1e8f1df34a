import { z } from 'zod';
import { Cidr, parseCidr } from '../../net/cidr.ts';
import { about } from '../about.ts';
import { checked, moment } from './text.ts';

/** An address or a network, as written: `10.0.0.0/8`. Read again where lists are compiled. */
const network = () =>
  checked((text) => {
    const read = parseCidr(text);
    return read instanceof Cidr ? undefined : `${read.fault}. ${read.remedy}`;
  });

const entry = z.strictObject({
  cidr: network().register(about, { description: 'An address or a network.', example: '203.0.113.0/24' }),
  note: z.exactOptional(z.string().min(1).max(200)).register(about, {
    description: 'For people: shown where the entry decides.',
    example: 'Berlin office',
    expected: '1 to 200 characters',
  }),
  expires: z.exactOptional(moment()).register(about, {
    description: 'The moment after which the entry counts for nothing; a date means its first instant in UTC.',
    example: '2099-03-01',
    expected: 'a date such as 2027-01-01 or 2027-01-01T12:00:00Z',
  }),
});

const listFile = z.strictObject({
  file: z.string().min(1).register(about, {
    description:
      'A text file with an address or network on each line; what stands behind `#` is a note. Relative to the configuration file, read at start and at each reload.',
    example: 'office.txt',
    expected: 'the name of a file',
  }),
});

/** Addresses and networks, alone, with a note and an end, or in files. */
export const addressList = () =>
  z.array(
    z.union([network(), entry, listFile]).register(about, {
      description: 'An address or a network, alone or with what is to be said of it, or a file of them.',
      expected:
        'an address or a network such as 10.0.0.0/8, { cidr: 10.0.0.0/8, note: Berlin office } or { file: office.txt }',
    }),
  );

const LOCALHOST = z.enum(['always', 'listed']);
const UNKNOWN = z.enum(['block', 'allow']);
const MODE = z.enum(['enforce', 'report']);

const allowed = (fallback: string, aliases: readonly string[]) =>
  z.exactOptional(addressList()).register(about, {
    description:
      'The only addresses let in: text, `{ cidr, note, expires }`, or `{ file }`. An empty list lets nobody in. The deny list beats it.',
    example: ['10.0.0.0/8', '2001:db8::/32', { cidr: '203.0.113.0/24', note: 'Berlin office', expires: '2099-03-01' }],
    aliases,
    fallback,
  });

const denied = () =>
  z.exactOptional(addressList()).register(about, {
    description: 'Addresses never let in, written the same way. Beats every allow list, whatever is more specific.',
    example: ['10.0.0.50'],
    fallback: 'nobody is denied',
  });

const LOCALHOST_TEXT =
  'Whether programs on this machine pass the allow list (`always`) or must be on it (`listed`). Told by the socket alone: a request with a forwarding header is never from this machine.';
const UNKNOWN_TEXT = 'What happens to requests whose address nobody can tell.';
const MODE_TEXT =
  '`report`: what addresses, origins and hosts would be refused for passes, and is recorded and counted instead (`sallyport ip report`). Nothing else is ever only reported, and nothing on the admin listener.';
const SERVER_MODE_TEXT =
  'The same for this route. `report` is for the addresses of this block; `enforce` ends what the gateway only reports: its lists and entries, origins and hosts are enforced here.';

/** From which addresses, for the whole gateway. */
export const ADDRESS_SETTINGS = {
  ip_whitelist: allowed('no address is asked for', ['IP_ALLOWLIST', 'ALLOWED_IPS']),
  ip_blacklist: denied(),
  ip_localhost: LOCALHOST.default('listed').register(about, {
    description: `${LOCALHOST_TEXT} \`IP_PROTECTION_ENABLED=true\` makes \`always\` the default.`,
  }),
  ip_unknown: UNKNOWN.default('block').register(about, { description: UNKNOWN_TEXT, aliases: ['IP_BLOCK_UNKNOWN'] }),
  mode: MODE.default('enforce').register(about, { description: MODE_TEXT }),
};

/** The same for the route of one server. */
export const SERVER_ADDRESS_SETTINGS = {
  ip_whitelist: allowed("the gateway's list alone", []),
  ip_blacklist: denied(),
  ip_localhost: z.exactOptional(LOCALHOST).register(about, {
    description: LOCALHOST_TEXT,
    example: 'listed',
    fallback: "the gateway's",
  }),
  ip_unknown: z.exactOptional(UNKNOWN).register(about, {
    description: UNKNOWN_TEXT,
    example: 'block',
    fallback: "the gateway's",
  }),
  mode: z.exactOptional(MODE).register(about, {
    description: SERVER_MODE_TEXT,
    example: 'enforce',
    fallback: "the gateway's",
  }),
};
