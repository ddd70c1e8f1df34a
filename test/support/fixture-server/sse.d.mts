export interface FixtureSse {
  /** `http://127.0.0.1:PORT/sse` */
  readonly url: string;
  readonly world: { extraTool: boolean; cancelled: string[]; toggleExtraTool(): void };
  /** Every request, in order; `path` is without the query, which holds the session id. */
  readonly hits: readonly { readonly method: string; readonly path: string; readonly rawHeaders: readonly string[] }[];
  /** Ids of the open sessions. */
  sessions(): string[];
  /** Ends every stream, as a server does that is restarted. */
  dropSessions(): void;
  stop(): Promise<void>;
}

/** Starts the fixture server over HTTP+SSE on a free port of 127.0.0.1. */
export function startFixtureSse(): Promise<FixtureSse>;
