import { z } from 'zod';
import { CommandError, command } from './command.ts';

/** What one policy would have refused for one reason. Times are ISO 8601 in UTC. */
export interface ReportedRow {
  readonly policy: string;
  readonly reason: string;
  /** The address, origin or host. */
  readonly subject: string;
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/** What enforcement would have refused since the gateway started. */
export const addressReport = command(z.strictObject({}), (_input, { perimeter }): { reported: ReportedRow[] } => {
  if (perimeter === undefined)
    throw new CommandError('failed', 'No gateway is running: what is only reported is counted in it.');
  const reported = perimeter.reported().map(({ first, last, ...row }) => ({
    ...row,
    first: new Date(first).toISOString(),
    last: new Date(last).toISOString(),
  }));
  return { reported };
});
