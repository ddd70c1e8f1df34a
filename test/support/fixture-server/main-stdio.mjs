// The fixture server over stdio, both eras. FIXTURE_HITS_FILE: a file that receives the very bytes that came in on stdin.
import { appendFileSync } from 'node:fs';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createFixtureServer, FixtureWorld } from './server.mjs';

const hits = process.env.FIXTURE_HITS_FILE;
if (hits) process.stdin.on('data', (chunk) => appendFileSync(hits, chunk));

const world = new FixtureWorld();
serveStdio(({ era }) => createFixtureServer(world, { everyUpdate: era === 'modern' }), {
  onerror: (error) => console.error(error.message),
});
