// Microseconds of CPU and of wall time per audit row, for each durability, with 1 and 16 callers.
// Run after `npm run build`: node bench/micro/audit.mjs [rows]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from '../../dist/src/audit/log.js';
import { bodyOf, prefixOf, Timestamps } from '../../dist/src/audit/record.js';

const rows = Number(process.argv[2] ?? 100_000);
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const metrics = { auditFailures() {}, auditRecords() {} };
const who = prefixOf({
  principal: 'token:0b3a6a5e-7c53-4d1e-a7b4-fd2f3a0e9a01',
  principal_name: 'ci',
  peer: '127.0.0.1',
  client: '203.0.113.5',
});
const where = prefixOf({ route: 'mcp-server', server: 'crm', http_method: 'POST' });

function row(i) {
  return {
    type: 'decision',
    who,
    where,
    decision_id: '6f1c2f4e9d3b4a7c8e5f6a7b8c9d0e1f',
    request_id: '0123456789abcdef',
    user_agent: 'claude-code/2.1 (linux)',
    method: 'tools/call',
    tool: 'search_contacts',
    jsonrpc_id: i,
    verdict: 'allow',
    policy: 'authorize',
    rule: 'role:user',
    status: 200,
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Each caller writes one row a turn of the event loop, as a request would; the bare turns are subtracted. */
async function measure(callers, count, write) {
  let left = count;
  const caller = async () => {
    while (left-- > 0) {
      const written = write?.(left);
      if (written !== undefined) await written;
      await turn();
    }
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  const used = process.cpuUsage(cpu);
  return { cpu: (used.user + used.system) / count, wall: ((performance.now() - start) * 1000) / count };
}

function encoding() {
  const times = new Timestamps();
  let length = 0;
  const start = performance.now();
  for (let i = 0; i < rows; i++) length += bodyOf(row(i), times.at(Date.now())).length;
  return { us: ((performance.now() - start) * 1000) / rows, length: Math.round(length / rows) };
}

encoding();
const encoded = encoding();
console.log(`encode only          ${encoded.us.toFixed(2)} µs a row of ${encoded.length} bytes`);

for (const callers of [1, 16]) {
  const bare = await measure(callers, rows);
  for (const durability of ['buffered', 'written', 'synced']) {
    const folder = mkdtempSync(join(tmpdir(), 'audit-bench-'));
    const settings = { durability, file: join(folder, 'audit.jsonl'), refusals: { per_window: 20, window_ms: 60_000 } };
    const audit = AuditLog.open(settings, { log: silent, metrics });
    const count = durability === 'synced' ? Math.min(rows, 2000 * callers) : rows;
    await measure(callers, Math.min(count, 5000), (i) => audit.write(row(i)));
    const { cpu, wall } = await measure(callers, count, (i) => audit.write(row(i)));
    await audit.close();
    rmSync(folder, { recursive: true });
    const name = `${durability}, ${callers} caller${callers > 1 ? 's' : ''}`.padEnd(21);
    console.log(`${name}${(cpu - bare.cpu).toFixed(2)} µs CPU, ${(wall - bare.wall).toFixed(2)} µs wall a row`);
  }
}
