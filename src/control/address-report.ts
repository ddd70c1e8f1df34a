import { z } from 'zod';
import type { OnPaper } from '../perimeter/reported.ts';
import { CommandError, command } from './command.ts';

/** How often one rule would have refused somebody. Times are ISO 8601 in UTC. */
export interface ReportedRow extends OnPaper {
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
