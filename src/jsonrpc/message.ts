/** Byte offsets into the buffer a value was found in: `start` inclusive, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** MCP 2026-07-28, basic/index "Requests": a string or an integer, never null. */
export type RequestId = string | number;
