import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sseComment, sseEvent, ssePriming } from './sse.ts';
import { SseParser } from './sse-parser.ts';

interface Seen {
  data: string;
  type: string;
  id: string;
}

function collect(chunks: readonly Buffer[], maxEventBytes = 10_000) {
  const events: Seen[] = [];
  const retries: number[] = [];
  const parser: SseParser = new SseParser(
    {
      event: (data, type) => events.push({ data: data.toString('latin1'), type, id: parser.lastEventId }) > 0,
      retry: (milliseconds) => retries.push(milliseconds),
    },
    maxEventBytes,
  );
  let progress = 'open';
  for (const chunk of chunks) progress = parser.push(chunk);
  return { events, retries, progress, lastEventId: parser.lastEventId };
}

const read = (text: string) => collect([Buffer.from(text)]);
const datas = (text: string) => read(text).events.map((event) => event.data);

/** Cuts `bytes` at the given places, whatever they are. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    chunks.push(bytes.subarray(from, place));
    from = place;
  }
  return chunks;
}

describe('SseParser', () => {
  it('reads events ended by LF, CR and CRLF alike', () => {
    for (const end of ['\n', '\r', '\r\n'])
      expect(datas(`data: one${end}${end}data: two${end}data: lines${end}${end}`)).toEqual(['one', 'two\nlines']);
  });

  it('drops one blank after the colon and no more', () => {
    expect(datas('data:a\n\ndata: a\n\ndata:  a\n\n')).toEqual(['a', 'a', ' a']);
  });

  it('skips comments, unknown fields and fields that only look like data', () => {
    expect(datas(': hi\nDATA: x\ndatax: x\n data: x\nfoo\ndata: y\n\n')).toEqual(['y']);
  });

  it('takes an empty data line as an event and the lack of one as none', () => {
    expect(datas('data\n\n')).toEqual(['']);
    expect(datas('data:\ndata:\n\n')).toEqual(['\n']);
    expect(datas('event: ping\n\n')).toEqual([]);
  });

  it('does not deliver an event that was cut off', () => {
    expect(datas('data: whole\n\ndata: half\n')).toEqual(['whole']);
  });

  it('forgets the event type after each event', () => {
    expect(read('event: ping\ndata: 1\n\ndata: 2\n\nevent: lost\n\ndata: 3\n\n').events.map((e) => e.type)).toEqual([
      'ping',
      'message',
      'message',
    ]);
  });

  it('keeps the last id until another is given, and only when its event was finished', () => {
    expect(read('id: 1\ndata: a\n\ndata: b\n\n').events.map((e) => e.id)).toEqual(['1', '1']);
    expect(read('id: 1\n\nid: 2\n').lastEventId).toBe('1');
    expect(read('id: 1\n\nid: 2\n\n').lastEventId).toBe('2');
    expect(read('id: 1\n\nid: a\0b\n\n').lastEventId).toBe('1');
    expect(read('id: 1\n\nid\n\n').lastEventId).toBe('');
  });

  it('reports a retry of digits and ignores any other', () => {
    expect(read('retry: 250\nretry: -1\nretry: 1s\nretry:\nretry: 99999999999\n').retries).toEqual([250]);
  });

  it('strips one byte order mark, wherever it is cut', () => {
    const bytes = Buffer.from('\ufeffdata: a\n\n');
    for (let place = 0; place <= 4; place += 1) expect(collect(cut(bytes, [place])).events).toHaveLength(1);
    expect(datas('\ufeff\ufeffdata: a\n\n')).toEqual([]);
    expect(collect([Buffer.from([0xef]), Buffer.from([0xbb]), Buffer.from('data: a\n\n')]).events).toEqual([]);
    expect(collect([Buffer.from([0xef]), Buffer.from('\ndata: a\n\n')]).events).toHaveLength(1);
  });

  it('hands out a view on the chunk when one chunk holds the event', () => {
    const chunk = Buffer.from('data: {"a":1}\n\n');
    const seen: Buffer[] = [];
    new SseParser({ event: (data) => seen.push(data) > 0 }, 100).push(chunk);
    expect(seen[0]?.buffer).toBe(chunk.buffer);
  });

  it('refuses an event over the limit, in one line or many, finished or not', () => {
    expect(collect([Buffer.from(`data: ${'x'.repeat(50)}\n\n`)], 50).progress).toBe('open');
    expect(collect([Buffer.from(`data: ${'x'.repeat(51)}\n\n`)], 50).progress).toBe('fault');
    expect(collect([Buffer.from('data: x\n'.repeat(30))], 50).progress).toBe('fault');
    expect(collect([Buffer.from('data:\n'.repeat(60))], 50).progress).toBe('fault');
    expect(collect([Buffer.from('data: '), Buffer.from('x'.repeat(80))], 50).progress).toBe('fault');
    const after = collect([Buffer.from(`data: ${'x'.repeat(51)}\n\n`), Buffer.from('data: y\n\n')], 50);
    expect(after).toMatchObject({ progress: 'fault', events: [] });
  });

  it('skips a comment of any length', () => {
    const chunks = [Buffer.from(':'), ...Array.from({ length: 20 }, () => Buffer.alloc(50, 'x')), Buffer.from('\n')];
    expect(collect([...chunks, Buffer.from('data: a\n\n')], 50).events).toHaveLength(1);
  });

  it('stops at once when the listener asks, and goes on where it stopped', () => {
    const seen: string[] = [];
    const parser = new SseParser({ event: (data) => seen.push(data.toString()) % 2 === 0 }, 100);
    expect(parser.push(Buffer.from('data: 1\n\ndata: 2\n\ndata: 3\r\n\r\ndata: 4'))).toBe('halted');
    expect(parser.push(Buffer.from('\n\n'))).toBe('halted');
    expect(seen).toEqual(['1']);
    expect(parser.resume()).toBe('halted');
    expect(seen).toEqual(['1', '2', '3']);
    expect(parser.resume()).toBe('open');
    expect(seen).toEqual(['1', '2', '3', '4']);
  });

  it('gives the same events however the stream is cut', () => {
    const line = fc.oneof(
      fc.constantFrom('', 'data', 'data:', 'data: ', 'id: 7', 'event: e', 'retry: 5', ':c', 'data: 世界 {"a":"é"}'),
      fc.string({ unit: 'binary' }).map((text) => `data: ${text}`),
    );
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 30 })
      .map((lines) => Buffer.from(lines.map(([text, end]) => text + end).join('')));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(2000), { maxLength: 40 }), (bytes, places) => {
        expect(collect(cut(bytes, places))).toEqual({ ...collect([bytes]) });
      }),
    );
  });

  it('never throws, and gives the same events byte by byte, on arbitrary bytes', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.constantFrom(10, 13, 58, 32, 100, 97, 116, 0xef, 0xbb, 0xbf), { maxLength: 300 }),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        const whole = Buffer.from(bytes);
        const single = Array.from(whole, (byte) => Buffer.from([byte]));
        expect(collect(single)).toEqual({ ...collect([whole]) });
      }),
    );
  });
});

describe('the writers', () => {
  it('write what the parser reads, line breaks in the JSON included', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\r\n', '\r'), (value, space) => {
        const text = JSON.stringify(value, undefined, space === '\r\n' || space === '\r' ? 1 : space);
        const data = Buffer.from(typeof space === 'string' ? text.replaceAll('\n', space) : text);
        const { events } = collect([sseEvent(data, 'a-1', 'message')], 1e6);
        expect(events).toHaveLength(1);
        expect(JSON.parse(Buffer.from(events[0]!.data, 'latin1').toString())).toEqual(JSON.parse(text));
        expect(events[0]).toMatchObject({ id: 'a-1', type: 'message' });
      }),
    );
  });

  it('write a plain event as one short text', () => {
    expect(sseEvent(Buffer.from('{}')).toString()).toBe('data: {}\n\n');
    expect(sseEvent(Buffer.from('{}'), '7').toString()).toBe('id: 7\ndata: {}\n\n');
  });

  it('write comments that carry nothing and a priming event that carries an id', () => {
    expect(collect([sseComment(), sseComment('ping')]).events).toEqual([]);
    const primed = collect([ssePriming('s-0', 300)]);
    expect(primed.events).toEqual([{ data: '', type: 'message', id: 's-0' }]);
    expect(primed.retries).toEqual([300]);
  });

  it('refuse an id or a type that would start another field', () => {
    expect(() => sseEvent(Buffer.from('{}'), 'a\ndata: x')).toThrow(TypeError);
    expect(() => sseEvent(Buffer.from('{}'), 'a', 'b\rid: x')).toThrow(TypeError);
    expect(() => sseComment('a\n\ndata: x')).toThrow(TypeError);
    expect(() => sseEvent(Buffer.from('{}'), 'a', 'b')).not.toThrow();
  });
});
