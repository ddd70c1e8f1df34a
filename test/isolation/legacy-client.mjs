import { Client } from './client.mjs';
import { Wire } from './wire.mjs';

const REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26'];
const BATCHES = '2025-03-26';
const JSON_TYPE = 'Content-Type: application/json\r\n';

/** A client with a session, which it leaves and opens anew as it likes. */
export class LegacyClient extends Client {
  meta = {};
  session = undefined;
  #uris = new Set();

  async open() {
    this.revision = REVISIONS[this.below(REVISIONS.length)];
    const params = { protocolVersion: this.revision, capabilities: {}, clientInfo: { name: 'crowd', version: '1' } };
    const opening = await this.post(`${this.#post()}`, { id: 1, method: 'initialize', params });
    const session = /\r\nmcp-session-id: *([^\r]+)/i.exec(opening.head)?.[1];
    if (opening.messages[0]?.result === undefined || session === undefined)
      return this.accuse('cannot open a session', opening);
    this.session = session;
    this.headers = `Mcp-Session-Id: ${session}\r\nMCP-Protocol-Version: ${this.revision}\r\n`;
    this.head = this.#post() + this.headers;
    await this.post(this.head, { method: 'notifications/initialized' });
    this.#uris = new Set([this.sharedUri()]);
    await this.listen();
    for (const uri of this.#uris) await this.resource('subscribe', uri);
    this.count('sessions');
  }

  #post() {
    return `POST ${this.crowd.path} HTTP/1.1\r\n${this.base}${JSON_TYPE}`;
  }

  headFor() {
    return this.head;
  }

  async step() {
    if (this.chance(0.95)) return this.revision === BATCHES && this.chance(0.3) ? this.speakAtOnce() : this.speak();
    const acts = [this.cancel, this.vanish, this.hearOfMine, this.listenAgain, this.leave, this.pry];
    return acts[this.below(acts.length)].call(this);
  }

  /** One message in, what came back out. */
  async post(head, message, wire = this.wires[0]) {
    const messages = [];
    const exchange = wire.send(head, JSON.stringify({ jsonrpc: '2.0', ...message }), (heard) => messages.push(heard));
    const { status, head: answer } = await exchange.done;
    return { status, head: answer, messages };
  }

  async resource(verb, uri) {
    const id = 2;
    const { messages } = await this.post(this.head, { id, method: `resources/${verb}`, params: { uri } });
    if (messages.length !== 1 || messages[0].id !== id || messages[0].result === undefined)
      this.accuse(`cannot ${verb}`, messages);
  }

  /** Opens the session's own stream, on which nothing may come but what the session subscribed to. */
  async listen() {
    const uris = this.#uris;
    const head = `GET ${this.crowd.path} HTTP/1.1\r\n${this.base}${this.headers}`;
    const exchange = this.streamWire.send(head, '', (message) => {
      if (message.method === 'notifications/resources/updated') this.hearUpdate(message, uris);
      else if (!this.isOwnLog(message)) this.accuse('heard what it never asked for', message);
    });
    await exchange.opened;
    if (exchange.status !== 200) this.accuse('cannot open its stream', exchange.status);
    this.count('streams');
  }

  /** Where the server knows its sessions apart, it may write to each of its own calls. */
  isOwnLog({ method, params }) {
    return method === 'notifications/message' && params.data.startsWith(`${this.name}/`);
  }

  async listenAgain() {
    this.streamWire.cut();
    await this.listen();
  }

  async hearOfMine() {
    this.#uris.add(this.ownUri);
    await this.resource('subscribe', this.ownUri);
    await this.touch(this.awaitNews());
    await this.resource('unsubscribe', this.ownUri);
  }

  /** Cancels a call by its id, which at this moment is also that of calls of others. */
  cancel() {
    return this.forsake(async ({ id }) => {
      await this.post(this.head, { method: 'notifications/cancelled', params: { requestId: id } }, this.wires[1]);
    });
  }

  /** Hangs up in the middle of a call, which goes on without it, and begins anew. */
  async vanish() {
    const [id] = this.nextPair();
    const exchange = this.call(this.wires[0], id, 'say', { turns: 2 });
    await Promise.race([exchange.progressed, exchange.done]);
    this.wires[0].cut();
    this.count('vanished');
    await this.renew();
  }

  /** Ends the session while a call of it is on hold. */
  async leave() {
    await this.forsake(() => this.close(this.wires[1]));
    this.count('left');
    await this.open();
  }

  async renew() {
    await this.close(this.wires[1]);
    await this.open();
  }

  async close(wire = this.wires[1]) {
    this.streamWire.cut();
    const head = `DELETE ${this.crowd.path} HTTP/1.1\r\n${this.base}${this.headers}`;
    const { status } = await wire.send(head, '', () => {}).done;
    if (status !== 204) this.accuse('cannot end its session', status);
    this.session = undefined;
  }

  /** Tries the session of another principal, which must be as if it did not exist. */
  async pry() {
    const { clients } = this.crowd;
    const victim = clients[this.below(clients.length)];
    if (victim.principal === this.principal || victim.session === undefined) return;
    const stolen = `Mcp-Session-Id: ${victim.session}\r\nMCP-Protocol-Version: ${this.revision}\r\n`;
    const params = { name: 'say', arguments: { words: this.words(), turns: 0 } };
    const call = await this.post(this.#post() + stolen, { id: 1, method: 'tools/call', params });
    const wire = new Wire(this.crowd.port);
    const rest = [];
    for (const verb of ['GET', 'DELETE']) {
      const exchange = wire.send(`${verb} ${this.crowd.path} HTTP/1.1\r\n${this.base}${stolen}`, '', () => {});
      await exchange.opened;
      rest.push(exchange.status);
      await exchange.done;
    }
    wire.cut();
    if ([call.status, ...rest].some((status) => status !== 404)) this.accuse('entered a session', [call.status, rest]);
    this.count('pried');
  }

  /** A batch, which this revision still has: both calls in one message. */
  async speakAtOnce() {
    const ids = this.nextPair();
    const said = ids.map(() => this.words());
    const body = ids.map((id, at) => {
      const params = { name: 'say', arguments: { words: said[at], turns: 1 }, _meta: { progressToken: id } };
      return { jsonrpc: '2.0', id, method: 'tools/call', params };
    });
    const heard = ids.map((_, at) => ({ answer: undefined, progress: 0, turns: 1, onProgress() {}, at }));
    const exchange = this.wires[0].send(this.head, JSON.stringify(body), (message) => {
      const at = ids.indexOf(message.id ?? message.params?.progressToken);
      if (at === -1) this.accuse('heard in a batch', message);
      else this.hear(message, ids[at], said[at], heard[at]);
    });
    await Promise.all(
      ids.map((id, at) =>
        this.answered(Object.assign(Object.create(exchange), { id, words: said[at], heard: heard[at] })),
      ),
    );
    this.count('batches');
  }
}
