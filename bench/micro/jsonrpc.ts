// Nanoseconds per operation of the scanner against JSON.parse + JSON.stringify, side by side in one run.
// The server's build leaves bench/ out, so compile this file with the sources it imports, then run it:
//
//   npx tsc --ignoreConfig --outDir /tmp/jsonrpc-bench --rootDir . --target es2023 --module nodenext --types node \
//     --rewriteRelativeImportExtensions --skipLibCheck bench/micro/jsonrpc.ts
//   echo '{"type":"module"}' > /tmp/jsonrpc-bench/package.json && node /tmp/jsonrpc-bench/bench/micro/jsonrpc.js
import { Edits, withId } from '../../src/jsonrpc/edits.ts';
import type { Message } from '../../src/jsonrpc/message.ts';
import { isScanFailure, scanMessage, scanUpstream } from '../../src/jsonrpc/scan.ts';

const ROUNDS = 11;
const ROUND_NS = 30_000_000;

interface Contender {
  readonly name: string;
  readonly run: () => unknown;
}

let sink: unknown;

function timeOnce({ run }: Contender): number {
  let count = 0;
  const start = process.hrtime.bigint();
  let elapsed = 0;
  while (elapsed < ROUND_NS) {
    for (let i = 0; i < 50; i++) sink = run();
    count += 50;
    elapsed = Number(process.hrtime.bigint() - start);
  }
  return elapsed / count;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

function compare(title: string, baseline: Contender, contenders: readonly Contender[]): void {
  const all = [baseline, ...contenders];
  const times = all.map(() => [] as number[]);
  for (const contender of all) timeOnce(contender);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, contender] of all.entries()) times[i]!.push(timeOnce(contender));
  }
  console.log(`\n${title}`);
  all.forEach((contender, i) => {
    const ratio = median(times[i]!.map((time, round) => time / times[0]![round]!));
    console.log(
      `  ${contender.name.padEnd(34)} ${median(times[i]!).toFixed(0).padStart(9)} ns   × ${ratio.toFixed(3)}`,
    );
  });
}

function call(argumentsJson: string): Buffer {
  const params = `{"name":"echo","arguments":${argumentsJson},"_meta":{"progressToken":42}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":42,"method":"tools/call","params":${params}}`);
}

function report(title: string, bytes: Buffer, scan: typeof scanMessage): void {
  const message = scan(bytes);
  if (isScanFailure(message)) throw new Error(message.detail);
  compare(
    `${title} (${bytes.length} bytes)`,
    { name: 'JSON.parse + JSON.stringify', run: () => Buffer.from(JSON.stringify(JSON.parse(bytes.toString()))) },
    [
      { name: scan.name, run: () => scan(bytes) },
      { name: `${scan.name} + withId`, run: () => withId(scan(bytes) as Message, 4711) },
      { name: 'withId', run: () => withId(message, 4711) },
      { name: 'Edits, two members', run: () => edited(bytes, message) },
    ],
  );
}

function edited(bytes: Buffer, message: Message): Buffer {
  const edits = new Edits(bytes).replace(message.idSpan!, '4711');
  if (message.meta !== undefined) edits.setMember(message.meta, 'progressToken', '4711');
  return edits.toBuffer();
}

const text = 'A line of a tool result, as text, with "quotes" and a\nbreak. ';
const result = { content: [{ type: 'text', text: 'x'.repeat(100_000) }] };
const quoted = { content: [{ type: 'text', text: text.repeat(1_600) }] };

report('small tools/call', call('{"message":"hello, a small call"}'), scanMessage);
report(
  '2 KB tools/call',
  call(JSON.stringify({ query: text.repeat(14), filter: { a: [1, 2, 3], b: 'c'.repeat(900) } })),
  scanMessage,
);
report('100 KB result, plain text', Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 42, result })), scanUpstream);
report(
  '100 KB result, many escapes',
  Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 42, result: quoted })),
  scanUpstream,
);

/** Names of a hostile body. JSON.parse is no judge of those, so the figure to watch is the milliseconds. */
function names(count: number, name: (i: number) => string): string {
  return `{${Array.from({ length: count }, (_, i) => `"${name(i)}":0`).join(',')}}`;
}

function worst(title: string, bytes: Buffer): void {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    sink = scanMessage(bytes);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1_000);
  }
  console.log(`${title} (${bytes.length} bytes): ${median(times).toFixed(1)} ms, first ${times[0]!.toFixed(1)} ms`);
}

console.log('\nworst cases, CPU time');
worst('190,000 names', call(names(190_000, (i) => `name${i}`)));
worst('190,000 escaped names', call(names(190_000, (i) => `\\u0061${i.toString(36)}`)));
worst('190,000 times one escaped name', call(names(190_000, () => '\\u0061bcdefghijk')));
worst('95,000 objects of one escaped name', call(`[${'{"\\u0061b":0},'.repeat(95_000)}0]`));
worst('1,000,000 names', call(names(1_000_000, (i) => `name${i}`)));
worst('1,000,000 brackets', Buffer.alloc(1_000_000, '['));
worst('a string of 10 MB', call(`"${'x'.repeat(10_000_000)}"`));
worst('a number of 1,000,000 digits', call('1'.repeat(1_000_000)));
if (sink === undefined) throw new Error('nothing ran');
