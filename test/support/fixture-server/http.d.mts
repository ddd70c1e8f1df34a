/** One request the fixture received. */
export interface Hit {
  /** HTTP method and request target. */
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value, as received. */
  readonly rawHeaders: readonly string[];
  /** The very bytes. */
  readonly body: Buffer;
  readonly rpcMethod: string | undefined;
  readonly rpcId: string | number | undefined;
}

export interface FixtureHttp {
  /** `http://127.0.0.1:PORT/mcp` */
  readonly url: string;
  readonly world: { extraTool: boolean; cancelled: string[]; toggleExtraTool(): void; touch(uri: string): void };
  /** Every request since the start or the last `clearHits`, refused ones included. */
  readonly hits: readonly Hit[];
  clearHits(): void;
  /** Ids of the open legacy sessions. */
  sessions(): string[];
  stop(): Promise<void>;
}

/** Starts the fixture server over Streamable HTTP, both eras on one URL, on a free port of 127.0.0.1. */
export function startFixtureHttp(): Promise<FixtureHttp>;
