// The minimal MCP server over stdio, for the gateway and for bridges that know no other kind.
import { answerTo } from './results.mjs';

let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  const answers = lines.map((line) => JSON.parse(line)).filter(({ id }) => id !== undefined);
  if (answers.length > 0) process.stdout.write(`${answers.map(answerTo).join('\n')}\n`);
});
process.stdin.on('end', () => process.exit());
