#!/usr/bin/env node
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createDemoServer } from './server.ts';

// Both eras: the client's first message decides. Ends when stdin does.
serveStdio(createDemoServer, { onerror: (error) => console.error(`sallyport-demo: ${error.message}`) });
