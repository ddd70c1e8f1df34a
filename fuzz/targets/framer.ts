import { LineFramer, unreadId, withoutByteOrderMark } from '../../src/upstream/line-framer.ts';
import { pieces } from '../pieces.ts';
import type { Random } from '../random.ts';
import { mustEqual, type Target } from '../target.ts';

type Line = readonly [text: string, cut: boolean];

function frame(chunks: readonly Buffer[], limit: number): Line[] {
  const lines: Line[] = [];
  const kept: [Buffer, string][] = [];
  const framer = new LineFramer(limit, (bytes, cut) => {
    lines.push([bytes.toString('latin1'), cut]);
    kept.push([bytes, bytes.toString('latin1')]);
  });
  for (const chunk of chunks) framer.push(Buffer.from(chunk));
  framer.end();
  for (const [bytes, text] of kept) mustEqual(bytes.toString('latin1'), text, 'a line given away was written to');
  return lines;
}

function plainReading(bytes: Buffer, limit: number): Line[] {
  const pieces = bytes.toString('latin1').split('\n');
  if (pieces.at(-1) === '') pieces.pop();
  return pieces.map((piece) => {
    const line = piece.endsWith('\r') ? piece.slice(0, -1) : piece;
    // A line that is cut is cut where it stands: a CR at its end is then no end.
    return line.length > limit ? [piece.slice(0, limit), true] : [line, false];
  });
}

const LINES = ['{"jsonrpc":"2.0","id":1,"result":{}}', '{"id":', 'Server ready!', '', '\x1b[31mred\x1b[0m', 'grüße 🏰'];

export const framer: Target = {
  name: 'framer',
  weight: 20,
  maxBytes: 4_096,
  dictionary: [...LINES, '\n', '\r', '\r\n', '\n\n', '\r\r\n', '\ufeff', '\0', '"id":12}', '{"id": 7,', '}'],
  generate(random: Random): Buffer {
    const lines = Array.from(
      { length: random.size(30) },
      () => random.pick(LINES) + random.pick(['\n', '\n', '\r\n', '']),
    );
    return Buffer.from(lines.join(''));
  },
  check(bytes, random) {
    for (const limit of [1 + random.below(48), 4_096]) {
      const expected = plainReading(bytes, limit);
      mustEqual(frame([bytes], limit), expected, 'framed another way than by splitting');
      for (const chunks of pieces(bytes, random))
        mustEqual(frame(chunks, limit), expected, 'framed differently in pieces');
    }
    const id = unreadId(bytes);
    mustEqual(id === undefined || (Number.isSafeInteger(id) && id >= 0), true, 'an id that no call can have');
    withoutByteOrderMark(bytes);
  },
};
