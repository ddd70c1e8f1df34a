// Makes tokens in a state folder without end, or as many as asked for, and prints each name once it is acknowledged.
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { runCommand } from '../../../dist/src/control/commands.js';
import { openSqlite } from '../../../dist/src/storage/sqlite.js';

const [stateDir, label, limit = 'Infinity'] = argv.slice(2);
const storage = openSqlite(stateDir);
const services = { storage, registry: undefined, status: undefined, serverIds: undefined, record: () => undefined };
for (let i = 0; i < Number(limit); i++) {
  const name = `${label}-${i}`;
  await runCommand('token.create', { name }, services);
  if (i % 3 === 2) await runCommand('token.rotate', { token: name, grace: '1h' }, services);
  writeSync(1, `${name}\n`);
}
await storage.close();
