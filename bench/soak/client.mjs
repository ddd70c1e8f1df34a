import { request } from 'node:http';

const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A stream as it is received: every event with the moment it came, and how many keep-alives. */
class Stream {
  events = [];
  comments = 0;
  isOver = false;
  #rest = '';

  constructor(response) {
    const type = response.headers['content-type'];
    if (type !== 'text/event-stream') throw new Error(`${type} where a stream should be`);
    this.response = response;
    response.setEncoding('utf8').on('data', (chunk) => this.#take(chunk, process.hrtime.bigint()));
    response.on('error', () => {});
    response.on('close', () => {
      this.isOver = true;
    });
  }

  close() {
    this.response.destroy();
  }

  #take(chunk, at) {
    const events = (this.#rest + chunk).split('\n\n');
    this.#rest = events.pop();
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data:') && line.length > 6);
      if (data !== undefined) this.events.push({ at, message: JSON.parse(data.slice(5)) });
      else if (event.startsWith(':')) this.comments += 1;
    }
  }
}

/** One client at one route; a session is opened with the first message of the older era. */
export class Client {
  #session;

  /** @param target `{ port, path, token }` */
  constructor(target, era) {
    this.target = target;
    this.era = era;
  }

  async open() {
    if (this.era === 'modern') return;
    const clientInfo = { name: 'soak', version: '1' };
    const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo };
    const response = await this.#post({ id: 0, method: 'initialize', params }, {});
    response.resume();
    this.#session = response.headers['mcp-session-id'];
    (await this.#post({ method: 'notifications/initialized' }, this.#headers())).resume();
  }

  /** Calls a tool whose answer is a stream. */
  async stream(name, ms) {
    return new Stream(await this.#call(name, { ms }));
  }

  async ring() {
    (await this.#call('ring', {})).resume();
  }

  /** The stream on which the server speaks unasked. */
  async listen() {
    if (this.era === 'legacy') return new Stream(await this.#send('GET', this.#headers()));
    const params = { notifications: { resourcesListChanged: true }, _meta: META };
    const message = { id: 'listening', method: 'subscriptions/listen', params };
    return new Stream(await this.#post(message, this.#headers(message.method)));
  }

  #call(name, args) {
    const _meta = this.era === 'modern' ? { progressToken: 1, ...META } : { progressToken: 1 };
    const id = `${name} ${process.hrtime.bigint()}`;
    const message = { id, method: 'tools/call', params: { name, arguments: args, _meta } };
    return this.#post(message, this.#headers('tools/call', name));
  }

  #headers(method, name) {
    if (this.era === 'legacy') return { 'mcp-protocol-version': LEGACY, 'mcp-session-id': this.#session };
    return { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(name && { 'mcp-name': name }) };
  }

  #post(message, headers) {
    return this.#send('POST', headers, JSON.stringify({ jsonrpc: '2.0', ...message }));
  }

  async #send(method, headers, body) {
    const { port, path, token } = this.target;
    const own = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const credential = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const all = { ...own, ...credential, ...headers };
    const response = await new Promise((resolve, reject) => {
      const sent = request({ port, path, method, headers: all, host: '127.0.0.1', agent: false }, resolve);
      sent.on('error', reject);
      sent.end(body);
    });
    if (response.statusCode >= 300) throw new Error(`${method} ${path} was answered ${response.statusCode}`);
    return response;
  }
}
