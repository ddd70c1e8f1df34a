import { type CallToolResult, McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { compareText, MOST_LINES } from './compare-text.ts';
import { convertTime } from './convert-time.ts';
import { ALGORITHMS, hashText } from './hash-text.ts';

/** What a tool refuses is told to the model, which can then do better: a tool error, not a protocol error. */
function answer(compute: () => { text: string; structured: Record<string, unknown> }): CallToolResult {
  try {
    const { text, structured } = compute();
    return { content: [{ type: 'text', text }], structuredContent: structured };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { content: [{ type: 'text', text: error.message }], isError: true };
  }
}

const READ_ONLY = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** One server for one connection, of either era. */
export function createDemoServer(): McpServer {
  const server = new McpServer(
    { name: 'sallyport-demo', title: 'Sallyport demo server', version: '1.0.0' },
    { instructions: 'Small safe tools without network or file access: time zones, text digests, line diffs.' },
  );
  registerConvertTime(server);
  registerHashText(server);
  registerCompareText(server);
  return server;
}

function registerConvertTime(server: McpServer): void {
  const zone = z.string().min(1).max(64);
  server.registerTool(
    'convert_time',
    {
      title: 'Convert a time between time zones',
      description:
        'Tells what time it is in other IANA time zones when it is a given wall-clock time in one. ' +
        'Knows daylight saving: says when the given time does not exist or happens twice there. Use "now" for the present.',
      inputSchema: z.object({
        time: z
          .string()
          .max(32)
          .describe('"now", or a wall-clock time in `from` without offset: 2026-11-21T14:30 or 2026-11-21T14:30:15'),
        from: zone.describe('IANA time zone of `time`, such as Europe/Berlin or UTC'),
        to: z.array(zone).min(1).max(20).describe('IANA time zones to tell the time in'),
      }),
      outputSchema: z.object({
        instant: z.string().describe('The moment in UTC, ISO 8601'),
        note: z.string().optional().describe('Set when daylight saving makes the given time missing or ambiguous'),
        times: z.array(z.object({ zone: z.string(), local: z.string(), offset: z.string(), weekday: z.string() })),
      }),
      annotations: READ_ONLY,
    },
    ({ time, from, to }) =>
      answer(() => {
        const structured = convertTime(time, from, to, Date.now());
        const lines = structured.times.map((t) => `${t.zone}: ${t.weekday} ${t.local} (UTC${t.offset})`);
        return { text: [...(structured.note ? [structured.note] : []), ...lines].join('\n'), structured };
      }),
  );
}

function registerHashText(server: McpServer): void {
  server.registerTool(
    'hash_text',
    {
      title: 'Hash a text',
      description:
        'Digest of the UTF-8 bytes of a text, in lower-case hex, and whether it equals an expected digest. ' +
        'MD5 is for old checksums only: it proves nothing against an attacker.',
      inputSchema: z.object({
        text: z.string().max(1_000_000),
        algorithm: z.enum(ALGORITHMS).default('sha256'),
        expected: z.string().max(256).optional().describe('Digest in hex to compare with; case does not matter'),
      }),
      outputSchema: z.object({
        algorithm: z.enum(ALGORITHMS),
        digest: z.string(),
        bytes: z.int().describe('Length of the text in UTF-8'),
        matches: z.boolean().optional().describe('Set when `expected` was given'),
      }),
      annotations: READ_ONLY,
    },
    ({ text, algorithm, expected }) =>
      answer(() => {
        const structured = hashText(text, algorithm, expected);
        const verdict = structured.matches === undefined ? '' : structured.matches ? ' (matches)' : ' (does NOT match)';
        return { text: `${structured.digest}${verdict}`, structured };
      }),
  );
}

function registerCompareText(server: McpServer): void {
  const side = z.string().max(500_000);
  server.registerTool(
    'compare_text',
    {
      title: 'Compare two texts',
      description:
        `Line diff of two texts of up to ${MOST_LINES} differing lines each: "-" only before, "+" only after. ` +
        'Reports progress on long texts and stops when cancelled.',
      inputSchema: z.object({
        before: side,
        after: side,
        ignore_whitespace: z.boolean().default(false).describe('Treat lines that differ only in blanks as equal'),
      }),
      outputSchema: z.object({ equal: z.boolean(), added: z.int(), removed: z.int(), diff: z.string() }),
      annotations: READ_ONLY,
    },
    async ({ before, after, ignore_whitespace }, ctx) => {
      const outcome = await compareText(before, after, {
        ignoreWhitespace: ignore_whitespace,
        signal: ctx.mcpReq.signal,
        onProgress: progressTo(ctx),
      }).catch((error: unknown) => (error instanceof RangeError ? error : Promise.reject(error)));
      return answer(() => {
        if (outcome instanceof RangeError) throw outcome;
        return { text: outcome.equal ? 'The texts are equal.' : outcome.diff, structured: { ...outcome } };
      });
    },
  );
}

/** Sends progress when the client asked for it with a progress token. */
function progressTo(ctx: ServerContext): ((done: number, total: number) => Promise<void>) | undefined {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  return (progress, total) =>
    ctx.mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress, total, message: `compared ${progress} of ${total} lines` },
    });
}
