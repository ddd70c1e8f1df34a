import { sseEvent } from '../../src/protocol/sse.ts';
import { SseParser } from '../../src/protocol/sse-parser.ts';
import { pieces } from '../pieces.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';

interface Heard {
  readonly events: readonly (readonly [data: string, type: string])[];
  readonly retries: readonly number[];
  readonly lastId: string;
  readonly fault: boolean;
}

const ROOMY = 1 << 20;

function hear(chunks: readonly Buffer[], limit: number, stopsAfter = Number.POSITIVE_INFINITY): Heard {
  const events: [string, string][] = [];
  const retries: number[] = [];
  const listener = {
    event(data: Buffer, type: string): boolean {
      events.push([data.toString('latin1'), type]);
      return events.length % stopsAfter !== 0;
    },
    retry: (ms: number) => void retries.push(ms),
  };
  const parser = new SseParser(listener, limit);
  let state = 'open';
  for (const chunk of chunks) state = parser.push(Buffer.from(chunk));
  for (let turns = 0; state === 'halted'; turns++) {
    must(turns <= events.length + 1, 'halted for ever');
    state = parser.resume();
  }
  return { events, retries, lastId: parser.lastEventId, fault: state === 'fault' };
}

/** WHATWG HTML, section 9.2.6, over the whole text at once. */
function plainReading(bytes: Buffer): Heard {
  const text = bytes.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '');
  const lines = text.split(/\r\n|\r|\n/);
  lines.pop(); // has no end, so it never counts
  const events: [string, string][] = [];
  const retries: number[] = [];
  let data: string[] = [];
  let type = '';
  let id = '';
  let lastId = '';
  for (const line of lines) {
    const found = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line)!;
    const [field, value = ''] = [found[1], found[2]];
    if (line === '') {
      lastId = id;
      const kind = Buffer.from(type, 'latin1').toString('utf8');
      if (data.length > 0) events.push([data.join('\n'), kind === '' ? 'message' : kind]);
      data = [];
      type = '';
    } else if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) retries.push(Number(value));
  }
  return { events, retries, lastId, fault: false };
}

const LINES = ['data: {"jsonrpc":"2.0"}', 'data:x', 'data', 'data: ', 'event: ping', 'id: 7', 'id', 'id: a\0b'];
const MORE = ['retry: 100', 'retry: x', ': comment', ':', 'datax: 1', 'event', ' data: 1', 'data:  two', 'event: é'];

export const sse: Target = {
  name: 'sse',
  weight: 15,
  maxBytes: 4_096,
  dictionary: [...LINES, ...MORE, '\n', '\r', '\r\n', '\n\n', '\r\r', ':', '\ufeff', '\0', 'data:', 'id:', 'retry:'],
  generate(random: Random): Buffer {
    const end = random.pick(['\n', '\n', '\r\n', '\r']);
    const lines = Array.from({ length: random.size(40) }, () =>
      random.once(3) ? '' : random.pick(random.once(2) ? LINES : MORE),
    );
    return Buffer.from(`${random.once(10) ? '\ufeff' : ''}${lines.join(end)}${end}`);
  },
  check(bytes, random) {
    const whole = hear([bytes], ROOMY);
    mustEqual(whole, plainReading(bytes), 'read another way than the standard says');
    for (const chunks of pieces(bytes, random)) mustEqual(hear(chunks, ROOMY), whole, 'read differently in pieces');
    mustEqual(hear([bytes], ROOMY, 1 + random.below(3)), whole, 'read differently with pauses');
    checkLimit(bytes, random, whole);
    checkWriter(bytes);
  },
};

/** Nothing over the limit is ever delivered, and what stays under it is not touched by it. */
function checkLimit(bytes: Buffer, random: Random, whole: Heard): void {
  const limit = 1 + random.below(64);
  for (const chunks of pieces(bytes, random)) {
    const heard = hear(chunks, limit);
    must(
      heard.events.every(([data]) => data.length <= limit),
      'an event over the limit was delivered',
    );
    mustEqual(heard.events, whole.events.slice(0, heard.events.length), 'the limit changed an event');
    if (!heard.fault) must(heard.events.length === whole.events.length, 'an event was lost');
  }
}

/** What the gateway writes reads as what it meant, whatever the message holds. */
function checkWriter(bytes: Buffer): void {
  const written = hear([sseEvent(bytes, '7', 'message')], ROOMY);
  const meant = bytes.toString('latin1').replace(/\r\n|\r/g, '\n');
  mustEqual(written.events, [[meant, 'message']], 'written and read again');
}
