/** The pool alone: the whole of undici is a fetch, mocks and caches that the gateway never calls, and nine MiB of memory. */
declare module 'undici/lib/dispatcher/pool.js' {
  import type { Pool } from 'undici';

  const pool: typeof Pool;
  export default pool;
}
