import type { Settings } from './config/settings.ts';
import { SharedSubscriptions } from './listen/shared-subscriptions.ts';
import { DenialLog } from './perimeter/denial-log.ts';
import { ReportedRefusals } from './perimeter/reported.ts';
import { DirectoryShelf } from './proxy/directory-shelf.ts';
import type { LegacySession } from './proxy/legacy-session.ts';
import type { Estate } from './proxy/services.ts';
import { SseChannels } from './proxy/sse-channels.ts';
import { StreamQuota } from './proxy/stream-quota.ts';
import { SessionTable } from './session/session-table.ts';
import { TicketOffice } from './session/tickets.ts';
import { KeepAlive } from './stream/keep-alive.ts';
import { ReplayStore } from './stream/replay-store.ts';

/** What is alive and outlives a reload, empty. Its bounds are those of the start. */
export function newEstate(
  settings: Settings,
  services: Pick<Estate, 'audit' | 'metrics' | 'log' | 'taskHandles' | 'network' | 'entries' | 'bans'> & {
    readonly show: (address: string) => string;
  },
): Estate {
  const { sessions, streams } = settings;
  const { replay } = streams;
  const directories = new DirectoryShelf(services.log);
  return {
    audit: services.audit,
    metrics: services.metrics,
    log: services.log,
    tickets: new TicketOffice(),
    sessions: new SessionTable<LegacySession>(sessions),
    keepAlive: new KeepAlive(streams.keep_alive_ms),
    directories,
    network: services.network,
    entries: services.entries,
    denials: new DenialLog(services.log, services.show),
    reports: new ReportedRefusals(),
    bans: services.bans,
    channels: new SseChannels(),
    taskHandles: services.taskHandles,
    streamQuota: new StreamQuota(streams.max_per_principal),
    subscriptions: new SharedSubscriptions((server) => directories.forget(server)),
    replay: new ReplayStore({
      sessionBytes: replay.bytes,
      totalBytes: replay.total_bytes,
      sessionEvents: replay.events,
      ageMs: replay.age_ms,
      retryMs: streams.retry_ms,
    }),
  };
}
