// A stdio server whose pace is the test's: `watch` waits, and each `emit` says one thing on the call that waits.
// node paced.mjs legacy|modern
import { createInterface } from 'node:readline';

const era = process.argv[2];
const COMPLETE = era === 'modern' ? { resultType: 'complete' } : {};
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const finish = (id, text) => send({ id, result: { ...COMPLETE, content: [{ type: 'text', text }] } });
let watching;

const tools = {
  watch(id, { _meta }) {
    watching = { id, token: _meta.progressToken };
  },
  emit(id, { arguments: { progress, message } }) {
    if (watching === undefined) return send({ id, error: { code: -32000, message: 'nobody watches yet' } });
    const params = { progressToken: watching.token, progress, message };
    send({ method: 'notifications/progress', params });
    finish(id, 'emitted');
  },
  end(id) {
    finish(watching.id, 'over');
    finish(id, 'ended');
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'tools/call') return tools[params.name](id, params);
  if (id === undefined) return;
  const names = { capabilities: { tools: {} }, serverInfo: { name: 'paced', version: '1' } };
  if (method === 'initialize') send({ id, result: { ...names, protocolVersion: params.protocolVersion } });
  else send({ id, result: { ...COMPLETE, ...names, supportedVersions: ['2026-07-28'], tools: [] } });
});
