import { z } from 'zod';
import { about } from '../about.ts';
import { auth } from './auth.ts';
import { compat } from './compat.ts';
import { mcpServer } from './mcps.ts';
import { admin, audit, health, log, sessions, streams } from './operations.ts';
import { security } from './security.ts';
import { server } from './server.ts';

/** Every setting of this release. Types, validation, JSON Schema, reference, example, flags and environment names come from here. */
export const settingsSchema = z.strictObject({
  $schema: z.exactOptional(z.string()).register(about, {
    description: 'Address of the JSON Schema, for editors. Ignored by the gateway.',
    example: './schema/sallyport.schema.json',
  }),
  state_dir: z.exactOptional(z.string().min(1)).register(about, {
    description:
      'The folder for the state database, the audit record and the control socket, relative to the configuration file.',
    example: './.sallyport',
    flag: '--state-dir <folder>',
    fallback: "`.sallyport` beside the configuration file, or `sallyport` in the user's data folder",
  }),
  server: server.prefault({}).register(about, { description: 'The listener callers use.' }),
  auth: auth.prefault({}).register(about, { description: 'Who may come in.' }),
  security: security.prefault({}).register(about, { description: 'From where.' }),
  mcps: z.array(mcpServer).default([]).register(about, { description: 'The MCP servers behind the gateway.' }),
  admin: admin.prefault({}).register(about, { description: 'The listener for operators: metrics.' }),
  audit: audit.prefault({}).register(about, { description: 'The record of every decision and outcome.' }),
  sessions: sessions.prefault({}).register(about, { description: 'Sessions of clients of the legacy era.' }),
  streams: streams.prefault({}).register(about, { description: 'Open event streams to clients.' }),
  compat: compat.prefault({}).register(about, { description: 'What is done for old and incomplete clients.' }),
  health: health.prefault({}).register(about, { description: 'Health answers.' }),
  log: log.prefault({}).register(about, { description: 'Log lines.' }),
});

/** What a person writes: everything with a default is optional. */
export type SettingsInput = z.input<typeof settingsSchema>;
/** Settings as the schema leaves them, before the few values that depend on where the file lies. */
export type ParsedSettings = z.output<typeof settingsSchema>;
