import { z } from 'zod';
import { about } from '../about.ts';

export const compat = z.strictObject({
  sse: z.boolean().default(true).register(about, {
    description:
      'Serve the older HTTP+SSE transport (MCP 2024-11-05) at `/mcp/<id>/sse`, and at `/sse` while there is one server.',
  }),
  lenient_initialize: z.boolean().default(false).register(about, {
    description:
      'Complete an `initialize` that lacks `protocolVersion`, `capabilities` or `clientInfo`, and take a missing `Accept` header for `*/*`, for clients written from incomplete instructions.',
  }),
});
