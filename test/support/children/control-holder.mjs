// A gateway as far as its control socket goes: prints "ready" once it holds the state folder, and stays.
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { ControlServer } from '../../../dist/src/control/server.js';
import { openSqlite } from '../../../dist/src/storage/sqlite.js';

const stateDir = argv[2];
const services = {
  storage: openSqlite(stateDir),
  registry: undefined,
  status: undefined,
  serverIds: undefined,
  record: () => undefined,
};
await ControlServer.open({ stateDir, onError: console.error }, services);
writeSync(1, 'ready\n');
