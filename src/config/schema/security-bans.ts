import { z } from 'zod';
import { about } from '../about.ts';
import { milliseconds } from './text.ts';

/** Who fails again and again is kept out for a while. */
export const bans = z.strictObject({
  enabled: z.boolean().default(false).register(about, {
    description:
      'Ban addresses whose requests fail again and again. Off by default: behind a shared address one program with an old token would shut out everybody.',
  }),
  failures: z.int().min(3).max(100).default(10).register(about, {
    description: 'How many failures within the window make a ban.',
    expected: 'a number from 3 to 100',
  }),
  window_ms: milliseconds().default(600_000).register(about, { description: 'Length of the window.' }),
  duration_ms: milliseconds()
    .default(900_000)
    .register(about, { description: 'Length of the first ban. Each further one is twice as long as the one before.' }),
  max_duration_ms: milliseconds().default(86_400_000).register(about, { description: 'No ban is longer than this.' }),
  ipv6_prefix: z.int().min(32).max(128).default(64).register(about, {
    description: 'How many leading bits of an IPv6 address are one caller: networks are given out whole.',
    expected: 'a number from 32 to 128',
  }),
});
