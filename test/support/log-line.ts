/**
 * A line of the log in JSON, as a reader takes it that refuses a key named twice. Such a line is shorter when it is read and written again.
 * @throws SyntaxError
 */
export function strictLine(line: string): Record<string, unknown> {
  const value = JSON.parse(line) as Record<string, unknown>;
  if (ascii(JSON.stringify(value)) !== ascii(line)) throw new SyntaxError(`a key is named twice: ${line}`);
  return value;
}

/** The log also escapes characters that JSON may hold as they are. */
function ascii(text: string): string {
  return text.replace(/[\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
