import { z } from 'zod';
import { about } from '../about.ts';

export const compat = z.strictObject({
  lenient_initialize: z.boolean().default(false).register(about, {
    description:
      'Complete an `initialize` that lacks `protocolVersion`, `capabilities` or `clientInfo`, and take a missing `Accept` header for `*/*`, for clients written from incomplete instructions.',
  }),
});
