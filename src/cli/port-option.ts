/** @throws Error when it is no port */
export function portOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const port = Number(written);
  if (!/^[0-9]{1,5}$/.test(written) || port < 1 || port > 65_535) {
    throw new Error(`--port ${written}: expected a whole number from 1 to 65535`);
  }
  return port;
}
