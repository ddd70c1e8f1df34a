/** What MCP clients send, which needs no reading. */
const USUAL: ReadonlySet<string> = new Set([
  'application/json, text/event-stream',
  'application/json,text/event-stream',
  'text/event-stream, application/json',
]);

/** Whether an Accept list takes both kinds of answer a POST may get: JSON and an event stream. */
export function acceptsBoth(list: string): boolean {
  return USUAL.has(list) || (accepts(list, 'application/json') && accepts(list, 'text/event-stream'));
}

/**
 * Whether an Accept list takes a media type (RFC 9110, section 12.5.1): of the ranges that cover it the most exact one counts,
 * and a weight of 0 there means that it is not wanted.
 */
export function accepts(list: string, type: string): boolean {
  const group = `${type.slice(0, type.indexOf('/') + 1)}*`;
  let exactness = 0;
  let wanted = false;
  for (const element of list.split(',')) {
    const [range = '', ...parameters] = element.split(';');
    const name = range.trim().toLowerCase();
    const rank = name === type ? 3 : name === group ? 2 : name === '*/*' ? 1 : 0;
    if (rank === 0 || rank < exactness) continue;
    // Of two ranges alike, one that wants it is enough.
    wanted = (rank === exactness && wanted) || !parameters.some(isZeroWeight);
    exactness = rank;
  }
  return wanted;
}

const ZERO_WEIGHT = /^\s*q\s*=\s*0(?:\.0*)?\s*$/i;

function isZeroWeight(parameter: string): boolean {
  return ZERO_WEIGHT.test(parameter);
}
