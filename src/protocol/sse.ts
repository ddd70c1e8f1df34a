const LF = 0x0a;
const CR = 0x0d;
const DATA = Buffer.from('data: ');
const END = Buffer.from('\n\n');

/**
 * One event (WHATWG HTML, section 9.2.6), `data` as it is: JSON text may hold line breaks between its tokens, and each of them
 * starts a new data line, or the rest of the message would be read as another field. One allocation when it holds none.
 * @throws TypeError when `id` or `event` holds a line break or NUL.
 */
export function sseEvent(data: Buffer, id?: string, event?: string): Buffer {
  const head = `${field('event', event)}${field('id', id)}`;
  if (data.indexOf(LF) !== -1 || data.indexOf(CR) !== -1) return severalLines(head, data);
  const headBytes = Buffer.byteLength(head);
  const length = headBytes + DATA.length + data.length + END.length;
  // An event with an id is one that is kept, and must not keep a slab of Node's pool with it.
  const bytes = id === undefined ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
  if (headBytes > 0) bytes.write(head, 0, 'utf8');
  let at = headBytes + DATA.copy(bytes, headBytes);
  at += data.copy(bytes, at);
  END.copy(bytes, at);
  return bytes;
}

/** A line that clients ignore: keeps a quiet stream alive. */
export function sseComment(text = ''): Buffer {
  return Buffer.from(`:${checked('comment', text)}\n\n`);
}

/**
 * The event that only gives the client an id to resume from and the wait before it reconnects
 * (MCP 2025-11-25, basic/transports, "Sending Messages to the Server", point 6).
 */
export function ssePriming(id: string, retryMs?: number): Buffer {
  return Buffer.from(`${field('id', id)}${retryMs === undefined ? '' : `retry: ${retryMs}\n`}data: \n\n`);
}

function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `${name}: ${checked(name, value)}\n`;
}

function checked(name: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw new TypeError(`a server-sent ${name} cannot hold a line break or NUL`);
  return value;
}

function severalLines(head: string, data: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from(head)];
  let at = 0;
  while (at <= data.length) {
    let end = at;
    while (end < data.length && data[end] !== LF && data[end] !== CR) end += 1;
    parts.push(DATA, data.subarray(at, end), END.subarray(0, 1));
    at = data[end] === CR && data[end + 1] === LF ? end + 2 : end + 1;
  }
  parts.push(END.subarray(0, 1));
  return Buffer.concat(parts);
}
