import type { LiveEntries } from '../../src/perimeter/live-entries.ts';

/** Of a gateway nobody has told anything yet. */
export const NO_LIVE_ENTRIES: LiveEntries = { epoch: 0, denial: () => undefined, allowance: () => undefined };
