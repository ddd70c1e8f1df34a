// The conformance server over stdio; the first message of the client chooses the era.
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createConformanceServer, World } from './server.mjs';

const world = new World();
serveStdio(() => {
  const server = createConformanceServer(world);
  world.onChange((list) => (list === 'tools' ? server.sendToolListChanged() : server.sendPromptListChanged()));
  return server;
});
