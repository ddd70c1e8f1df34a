// Networks and addresses as published lists have them, the same in every run.
let state = 1;
const below = (limit) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
};
const pick = (from) => from[below(from.length)];
const group = () => below(65_536).toString(16);
const word = () => (below(65_536) * 65_536 + below(65_536)) >>> 0;
const dotted = (bits) => [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');

function ipv4Network() {
  const prefix = pick([22, 24, 24, 24, 24, 28, 32, 32]);
  const base = (word() & (-1 << (32 - prefix))) >>> 0;
  return { text: `${dotted(base)}/${prefix}`, inside: dotted((base | (word() & (2 ** (32 - prefix) - 1))) >>> 0) };
}

function ipv6Network() {
  const groups = pick([2, 3, 3, 3, 4, 4, 4]);
  const head = [`2${below(4096).toString(16).padStart(3, '0')}`, ...Array.from({ length: groups - 1 }, group)];
  const rest = Array.from({ length: 8 - groups }, group);
  return { text: `${head.join(':')}::/${groups * 16}`, inside: [...head, ...rest].join(':') };
}

/** Texts of `count` networks of a family, and of 20,000 addresses of which half lie in them. */
export function sample(family, count) {
  const one = family === 4 ? ipv4Network : ipv6Network;
  const networks = Array.from({ length: count }, one);
  const addresses = Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? pick(networks) : one()).inside);
  return { texts: networks.map(({ text }) => text), addresses };
}
