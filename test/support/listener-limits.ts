import type { ListenerSettings } from '../../src/http/listener.ts';

/** For a listener under test: small where a test goes to the limit, and no time that runs out by itself. */
export const LISTENER_LIMITS: ListenerSettings['limits'] = {
  header_bytes: 4_096,
  header_count: 50,
  header_timeout_ms: 30_000,
  body_timeout_ms: 30_000,
  idle_timeout_ms: 30_000,
  connections: 10,
};
