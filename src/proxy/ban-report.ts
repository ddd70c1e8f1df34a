import type { Ban } from '../perimeter/bans.ts';
import type { Estate } from './services.ts';

/** Rows and lines about bans in one minute. Whoever has many addresses must not fill the disk; every ban is in the book. */
const MOST_PER_MINUTE = 100;
const MINUTE_MS = 60_000;
const RULES = { made: 'ip.ban', reported: 'ip.ban-reported' } as const;

/** Tells of bans: one audit row and one line in the log each, with all that is needed to judge and to lift it. */
export function banReport({ audit, log, metrics }: Pick<Estate, 'audit' | 'log' | 'metrics'>): (ban: Ban) => void {
  let minute = Number.NEGATIVE_INFINITY;
  let told = 0;
  let untold = 0;
  return ({ record, client, failures, windowMs, durationMs, isEnforced }) => {
    const outcome = isEnforced ? 'made' : 'reported';
    metrics.bans(outcome);
    const now = performance.now();
    if (now - minute >= MINUTE_MS) {
      minute = now;
      told = 0;
    }
    told += 1;
    if (told > MOST_PER_MINUTE) {
      untold += 1;
      return;
    }
    const what = `${record.cidr} for ${durationMs / 1000} s: ${record.reason}, ban no. ${record.strikes}`;
    const how = isEnforced ? `lift it with: sallyport ip remove ${record.id.slice(0, 8)}` : 'only reported, not made';
    const more = untold === 0 ? '' : `; ${untold} more bans are in the list alone`;
    untold = 0;
    audit.note({
      type: 'control',
      client: client.text,
      verdict: 'deny',
      policy: 'network',
      rule: RULES[outcome],
      reason: record.id,
      count: failures,
      detail: `${isEnforced ? 'ban' : 'would ban'} ${what}; ${how}${more}`,
    });
    log.warn(isEnforced ? 'address banned' : 'address would be banned', {
      client: client.text,
      cidr: record.cidr,
      failures,
      window_ms: windowMs,
      duration_ms: durationMs,
      why: record.reason,
      what_to_do: how,
    });
  };
}
