/** Byte offsets into the buffer a value was found in: `start` inclusive, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** MCP 2026-07-28, basic/index "Requests": a string or an integer, never null. */
export type RequestId = string | number;

/** Bounds on one message (or one batch body). What goes over them is a parse error. */
export interface ScanLimits {
  /** Objects and arrays inside one another. Never more than `DEPTH_CEILING`, whatever is asked for. */
  readonly maxDepth: number;
  /** Members and elements together, in the whole message. */
  readonly maxMembers: number;
}

export const DEFAULT_LIMITS: ScanLimits = { maxDepth: 64, maxMembers: 200_000 };

/** The reader recurses once per level, so depth is bounded well inside the stack even if the configuration is not. */
export const DEPTH_CEILING = 256;
