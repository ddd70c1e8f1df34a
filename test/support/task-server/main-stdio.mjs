// The task server over stdio: one message a line.
import { createInterface } from 'node:readline';
import { TaskServer } from './tasks.mjs';

const server = new TaskServer();
const push = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
createInterface({ input: process.stdin }).on('line', (line) => {
  const answer = server.handle(JSON.parse(line), push);
  if (answer !== undefined) push(answer);
});
