// What every client does, whatever its era: calls in pairs that use the same numbers as everybody else's, and looks at every
// message it is given. Words are said by one client only, so that whose a message is can be read in it.
import { Wire } from './wire.mjs';

/** mulberry32: the same choices again for the same seed. */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ids go round, so that all clients use the same few all the time. */
const IDS = 8;
const SHARED_URIS = 4;

export class Client {
  /** @param crowd `{ port, path, wrong, counts, clients }`, the same object for all */
  constructor(crowd, { number, token, principal, seed }) {
    this.crowd = crowd;
    this.number = number;
    this.principal = principal;
    this.name = `${crowd.path}#${number}`;
    this.random = randomFrom(seed + number);
    this.wires = [new Wire(crowd.port), new Wire(crowd.port)];
    this.streamWire = new Wire(crowd.port);
    this.base = [
      'Host: 127.0.0.1',
      `Authorization: Bearer ${token}`,
      'Accept: application/json, text/event-stream',
      '',
    ].join('\r\n');
    this.turn = 0;
    this.spoken = 0;
    this.ownUri = `test://own/${number}`;
  }

  count(what) {
    this.crowd.counts[what] = (this.crowd.counts[what] ?? 0) + 1;
  }

  accuse(what, seen) {
    if (this.crowd.wrong.length < 50) this.crowd.wrong.push(`${this.name} ${what}: ${JSON.stringify(seen)}`);
    this.count('wrong');
  }

  chance(share) {
    return this.random() < share;
  }

  below(limit) {
    return Math.floor(this.random() * limit);
  }

  words() {
    this.spoken += 1;
    return `${this.name}/${this.spoken}`;
  }

  /** The number that both ids of the coming pair are written from, one as a number and one as a string. */
  nextPair() {
    this.turn += 1;
    const number = this.turn % IDS;
    return [number, String(number)];
  }

  sharedUri() {
    return `test://shared/${this.below(SHARED_URIS)}`;
  }

  /**
   * One tool call. @returns the exchange, with `answer` once it is over; `progressed` resolves with the first progress
   */
  call(wire, id, tool, args = {}, words = this.words()) {
    const heard = { answer: undefined, progress: 0, turns: args.turns ?? 0 };
    const progressed = new Promise((resolve) => {
      heard.onProgress = resolve;
    });
    const params = { name: tool, arguments: { words, turns: 0, ...args }, _meta: { progressToken: id, ...this.meta } };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
    const exchange = wire.send(this.headFor('tools/call', tool), body, (message) =>
      this.hear(message, id, words, heard),
    );
    return Object.assign(exchange, { heard, progressed, id, words });
  }

  /** A message on the answer to a call of ours. */
  hear(message, id, words, heard) {
    if (message.method === 'notifications/progress') {
      heard.progress += 1;
      this.count('progress');
      if (message.params.progressToken !== id || message.params.message !== words)
        this.accuse(`said ${words} as ${JSON.stringify(id)} and heard progress`, message);
      heard.onProgress();
    } else if (message.method !== undefined || heard.answer !== undefined || message.id !== id) {
      this.accuse(`said ${words} as ${JSON.stringify(id)} and heard`, message);
    } else {
      heard.answer = message;
    }
  }

  /** Waits for the end of a call that nothing disturbs, and judges it. */
  async answered(exchange, expected = exchange.words) {
    await exchange.done;
    const { heard, words, status, id } = exchange;
    const said = heard.answer?.result?.content?.[0]?.text;
    if (said === expected && heard.progress === heard.turns && status === 200) this.count('calls');
    else this.accuse(`said ${words} as ${JSON.stringify(id)} and got ${status}`, { heard, lost: exchange.isLost });
  }

  /** Two calls at once, whose ids differ in type alone. */
  async speak() {
    const ids = this.nextPair();
    const pair = ids.map((id, at) => {
      const turns = this.chance(0.15) ? 1 + this.below(2) : 0;
      return this.call(this.wires[at], id, 'say', { turns });
    });
    await Promise.all(pair.map((exchange) => this.answered(exchange)));
  }

  /** Gives up a call on hold, while others have calls under the same id. @param giveUp (exchange, wire) */
  async forsake(giveUp) {
    const [id] = this.nextPair();
    const exchange = this.call(this.wires[0], id, 'hold');
    await Promise.race([exchange.progressed, exchange.done]);
    if (exchange.heard.progress !== 1) return this.accuse(`cannot hold as ${id}`, exchange);
    await giveUp(exchange, this.wires[0]);
    await exchange.done;
    if (exchange.heard.answer?.result !== undefined) this.accuse('was answered what never is', exchange.heard.answer);
    this.count('forsaken');
  }

  /** Asks the server to say that our own resource changed; resolves when the call is over and the news is here. */
  async touch(news) {
    const [id] = this.nextPair();
    const own = this.call(this.wires[0], id, 'touch', { uri: this.ownUri });
    const other = this.call(this.wires[1], String(id), 'touch', { uri: this.sharedUri() });
    await Promise.all([this.answered(own), this.answered(other), news]);
  }

  /** A promise of the next update of our own resource on a stream. */
  awaitNews() {
    return new Promise((resolve) => {
      this.onNews = resolve;
    });
  }

  /** An update on a stream of ours. */
  hearUpdate(message, uris) {
    const { uri } = message.params;
    if (!uris.has(uri)) return this.accuse('heard an update it never asked for', message);
    this.count('updates');
    if (uri === this.ownUri) this.onNews?.();
  }

  hangUp() {
    for (const wire of [...this.wires, this.streamWire]) wire.cut();
  }
}
