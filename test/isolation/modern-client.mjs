import { Client } from './client.mjs';

const REVISION = '2026-07-28';
const PREFIX = 'io.modelcontextprotocol/';

/** A client of 2026-07-28: no session; its streams are its subscriptions, and closing one is cancelling. */
export class ModernClient extends Client {
  meta = { [`${PREFIX}protocolVersion`]: REVISION, [`${PREFIX}clientCapabilities`]: {} };
  #heads = new Map();

  async open() {}

  headFor(method, name) {
    let head = this.#heads.get(name);
    if (head !== undefined) return head;
    const named = name === undefined ? '' : `Mcp-Name: ${name}\r\n`;
    head = `POST ${this.crowd.path} HTTP/1.1\r\n${this.base}Content-Type: application/json\r\nMCP-Protocol-Version: ${REVISION}\r\nMcp-Method: ${method}\r\n${named}`;
    this.#heads.set(name, head);
    return head;
  }

  async step() {
    if (this.chance(0.96)) return this.speak();
    if (this.chance(0.5)) return this.forsake((_, wire) => wire.cut());
    return this.subscribe();
  }

  /** Listens under an id that others use too, hears of its own resource, goes on speaking, and hangs up. */
  async subscribe() {
    const id = this.chance(0.5) ? 1 : '1';
    const uris = new Set([this.ownUri, this.sharedUri()]);
    let acknowledged;
    const ready = new Promise((resolve) => {
      acknowledged = resolve;
    });
    const params = { notifications: { resourceSubscriptions: [...uris] }, _meta: this.meta };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params });
    const head = this.headFor('subscriptions/listen', undefined);
    const exchange = this.streamWire.send(head, body, (message) => {
      if (message.params?._meta?.[`${PREFIX}subscriptionId`] !== id) this.accuse(`listens as ${id} and heard`, message);
      else if (message.method === 'notifications/subscriptions/acknowledged') acknowledged();
      else if (message.method === 'notifications/resources/updated') this.hearUpdate(message, uris);
      else this.accuse('heard what it never asked for', message);
    });
    const lost = exchange.done.then(({ status }) => this.accuse('lost its subscription', status));
    await Promise.race([ready, lost]);
    const news = this.awaitNews();
    await Promise.race([this.touch(news), lost]);
    for (let more = this.below(6); more > 0; more--) await this.speak();
    exchange.finish = () => {};
    this.streamWire.cut();
    this.count('subscriptions');
  }

  async close() {}
}
