/** What a child did, and what the operator can do about it. */
export const KEEPS_WAITING = 'see what the server waits for, or raise mcps[].call_timeout_ms';
export const ONLY_NOISE = 'printed nothing but noise on stdout';
export const NEVER_SPOKE = 'run the command by hand: does it speak MCP on stdin and stdout?';
