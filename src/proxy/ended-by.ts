import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { EndReason } from '../session/tickets.ts';

/** What a client hears in place of an answer when the gateway itself ended what it waits for. */
export const ENDED_BY: { readonly [R in EndReason]: Problem } = {
  'token-revoked': PROBLEMS.ENDED,
  'token-expired': PROBLEMS.ENDED,
  'session-ended': PROBLEMS.SESSION_ENDED,
  'session-idle': PROBLEMS.SESSION_ENDED,
  // On HTTP+SSE the stream is the session: who does not read it loses both.
  'slow-client': PROBLEMS.SESSION_ENDED,
  'upstream-closed': PROBLEMS.UPSTREAM_CLOSED,
  'server-removed': PROBLEMS.SERVER_REMOVED,
  'rules-changed': PROBLEMS.ENDED,
  'address-denied': PROBLEMS.ADDRESS_ENDED,
  'certificate-refused': PROBLEMS.ENDED,
  shutdown: PROBLEMS.SHUTTING_DOWN,
};
