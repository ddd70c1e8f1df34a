import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Edits, onOneLine, withId } from './edits.ts';
import type { Message } from './message.ts';
import { isScanFailure, scanBody, scanMessage, scanUpstream } from './scan.ts';

const SPACES = fc.constantFrom('', ' ', '\n', '\t\r\n', '    ');
// The prefix keeps random names clear of control names and of __proto__, which are refused for other reasons.
const key = fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => `k${text}`);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));
const object = fc.dictionary(key, value, { maxKeys: 40, size: 'medium', noNullPrototype: true });
const id = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme' })).filter((x) => !Object.is(x, -0));

interface Sample {
  readonly json: Record<string, unknown>;
  readonly bytes: Buffer;
}

const request: fc.Arbitrary<Sample> = fc
  .tuple(id, fc.string({ minLength: 1 }), object, SPACES)
  .map(([id, method, params, space]) => {
    const json = { jsonrpc: '2.0', id, method, params };
    return { json, bytes: Buffer.from(JSON.stringify(json, undefined, space)) };
  });
const result: fc.Arbitrary<Sample> = fc.tuple(id, object, SPACES).map(([id, result, space]) => {
  const json = { jsonrpc: '2.0', id, result };
  return { json, bytes: Buffer.from(JSON.stringify(json, undefined, space)) };
});

function accepted(bytes: Buffer, scan = scanMessage): Message {
  const scanned = scan(bytes);
  if (isScanFailure(scanned)) throw new Error(`${scanned.detail}: ${bytes.toString()}`);
  return scanned;
}

function parse(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString());
}

describe('reading', () => {
  it('agrees with JSON.parse on every value', () => {
    fc.assert(
      fc.property(request, ({ json, bytes }) => {
        const message = accepted(bytes);
        expect([message.id, message.method, message.top.json('params')]).toEqual([
          json.id,
          json.method,
          parse(bytes)!['params' as never],
        ]);
        const params = parse(bytes)!['params' as never] as Record<string, unknown>;
        // JSON.parse puts integer-like names first; the wire's order is ours.
        expect([...message.params!.keys()].sort()).toEqual(Object.keys(params).sort());
        for (const [name, expected] of Object.entries(params)) expect(message.params!.json(name)).toEqual(expected);
      }),
    );
  });

  it('agrees with JSON.parse on what a server sends', () => {
    fc.assert(
      fc.property(result, ({ json, bytes }) => {
        const message = accepted(bytes, scanUpstream);
        expect(message.id).toBe(json.id);
        for (const [name, expected] of Object.entries(json.result as object))
          expect(message.result!.json(name)).toEqual(expected);
      }),
    );
  });

  it('finds exactly the objects that have a name twice, however it is spelled', () => {
    const spelled = fc.tuple(fc.constantFrom('ka', 'kA', 'kb', 'ké', 'k'), fc.boolean());
    fc.assert(
      fc.property(fc.array(spelled, { maxLength: 6 }), (names) => {
        const members = names.map(([name, escaped]) => `${escaped ? escapeAll(name) : JSON.stringify(name)}:0`);
        const scanned = scanMessage(Buffer.from(`{"jsonrpc":"2.0","method":"m","params":{"x":[{${members.join()}}]}}`));
        expect(isScanFailure(scanned)).toBe(new Set(names.map(([name]) => name)).size < names.length);
      }),
    );
  });
});

function escapeAll(text: string): string {
  return `"${[...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}

/** Sound messages with a few bytes cut out or put in: most are broken, and in more ways than anyone would list. */
const SCRAPS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '-',
  'e',
  '.',
  '\n',
  '\0',
  ' ',
  '\ufeff',
  '\\ud800',
  '"id":1,',
  'null',
  '1e5',
  '\\u0',
];
const mangled = fc
  .tuple(
    fc.oneof(request, result),
    fc.array(
      fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.oneof(fc.constantFrom(...SCRAPS), fc.string({ maxLength: 2 }))),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  )
  .map(([{ bytes }, cuts]) => {
    let text = bytes.toString('latin1');
    for (const [place, gone, scrap] of cuts) {
      const at = place % (text.length + 1);
      text = text.slice(0, at) + Buffer.from(scrap).toString('latin1') + text.slice(at + gone);
    }
    return Buffer.from(text, 'latin1');
  });

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

describe('hostile bytes', () => {
  it('never make the scanner throw, nor a view of what it accepts', () => {
    fc.assert(
      fc.property(fc.oneof(mangled, fc.uint8Array().map(Buffer.from)), (bytes) => {
        for (const scan of [scanMessage, scanUpstream]) {
          const scanned = scan(bytes);
          if (isScanFailure(scanned)) continue;
          for (const view of [scanned.top, scanned.params, scanned.result, scanned.error, scanned.meta]) {
            for (const name of view?.keys() ?? []) {
              view!.json(name);
              view!.string(name);
              view!.id(name);
              view!.object(name)?.keys();
              view!.array(name);
            }
          }
        }
        scanBody(bytes);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are accepted only where JSON.parse accepts them, and called broken only where it does not', () => {
    fc.assert(
      fc.property(mangled, (bytes) => {
        const scanned = scanMessage(bytes);
        if (!isScanFailure(scanned)) expect(parses(bytes)).toBe(true);
        else if (scanned.problem.code === 'PARSE_ERROR' && !/\\ud[89a-f]/i.test(bytes.toString()))
          expect(parses(bytes)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('that are sound as a client message are sound as a server message, with the same spans', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          mangled,
          request.map(({ bytes }) => bytes),
        ),
        (bytes) => {
          const strict = scanMessage(bytes);
          if (isScanFailure(strict)) return;
          const lenient = accepted(bytes, scanUpstream);
          expect(lenient.idSpan).toEqual(strict.idSpan);
          for (const name of strict.params?.keys() ?? [])
            expect(lenient.params?.spanOf(name)).toEqual(strict.params?.spanOf(name));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('from a server never keep a line break that one line could not lose', () => {
    fc.assert(
      fc.property(mangled, (bytes) => {
        const scanned = scanUpstream(bytes);
        if (isScanFailure(scanned) || !parses(bytes)) return;
        const line = onOneLine(bytes);
        expect(line.includes('\n') || line.includes('\r')).toBe(false);
        expect(parse(line)).toEqual(parse(bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('editing', () => {
  it('changes the id and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(request, result), id, ({ bytes }, next) => {
        const before = accepted(bytes);
        const after = withId(before, next);
        expect(parse(after)).toEqual({ ...(parse(bytes) as object), id: next });
        const { start, end } = before.idSpan!;
        const tail = bytes.length - end;
        expect(after.subarray(0, start).equals(bytes.subarray(0, start))).toBe(true);
        expect(after.subarray(after.length - tail).equals(bytes.subarray(end))).toBe(true);
      }),
    );
  });

  it('gives what the same changes to the parsed value give', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.option(key), fc.option(value)), { maxLength: 8 });
    fc.assert(
      fc.property(request, changes, ({ bytes }, list) => {
        const message = accepted(bytes);
        const edits = new Edits(bytes);
        const model = parse(bytes) as { params: Record<string, unknown> };
        for (const [pick, fresh, next] of list) {
          const known = message.params!.keys();
          const name = fresh ?? known[pick % known.length] ?? 'k';
          if (next === null) {
            edits.removeMember(message.params!, name);
            delete model.params[name];
          } else {
            edits.setMember(message.params!, name, JSON.stringify(next));
            model.params[name] = JSON.parse(JSON.stringify(next));
          }
        }
        expect(parse(edits.toBuffer())).toEqual(model);
        expect(isScanFailure(scanMessage(edits.toBuffer()))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
