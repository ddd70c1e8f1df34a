import type { Authorizer } from '../access/authorizer.ts';
import type { Audit } from '../audit/audit.ts';
import type { Route, RouteTable } from '../http/routes.ts';
import type { PrincipalId } from '../identity/principal.ts';
import type { SharedSubscriptions } from '../listen/shared-subscriptions.ts';
import type { Trust } from '../net/trust.ts';
import type { BanWatch } from '../perimeter/bans.ts';
import type { DenialLog } from '../perimeter/denial-log.ts';
import type { PerimeterInForce } from '../perimeter/in-force.ts';
import type { LiveEntries } from '../perimeter/live-entries.ts';
import type { NetworkRules } from '../perimeter/network-rules.ts';
import type { ReportedRefusals } from '../perimeter/reported.ts';
import type { PrefixSource } from '../policy/audit-intent.ts';
import type { Call } from '../policy/call.ts';
import type { Chain } from '../policy/engine.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { AnswerHeaders } from '../policy/response-headers.ts';
import type { SessionTable } from '../session/session-table.ts';
import type { TaskHandles } from '../session/task-handles.ts';
import type { TicketOffice } from '../session/tickets.ts';
import type { StreamSettings } from '../stream/event-stream.ts';
import type { KeepAlive } from '../stream/keep-alive.ts';
import type { ReplayStore } from '../stream/replay-store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Upstream } from '../upstream/lane.ts';
import type { DirectoryShelf } from './directory-shelf.ts';
import type { LegacySession } from './legacy-session.ts';
import type { SseChannels } from './sse-channels.ts';
import type { StreamQuota } from './stream-quota.ts';

/** Everything alive that a call touches. Outlives a reload. */
export interface Estate {
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tickets: TicketOffice;
  readonly sessions: SessionTable<LegacySession>;
  readonly keepAlive: KeepAlive;
  readonly directories: DirectoryShelf;
  readonly streamQuota: StreamQuota;
  readonly channels: SseChannels;
  readonly taskHandles: TaskHandles;
  /** What legacy clients may ask for again. */
  readonly replay: ReplayStore;
  readonly subscriptions: SharedSubscriptions;
  /** From where callers of the main listener may come now, whatever a request is pinned to. */
  readonly network: () => NetworkRules;
  /** Addresses let in and kept out since the start of things, by command and by ban. */
  readonly entries: LiveEntries;
  /** Denied addresses, a few lines a minute. */
  readonly denials: DenialLog;
  /** What report-only mode let pass. */
  readonly reports: ReportedRefusals;
  /** Told of requests that failed. */
  readonly bans: BanWatch;
}

/** One configured server as a generation sees it. */
export interface ServerPlan {
  readonly id: string;
  readonly description: string | undefined;
  readonly transport: string;
  readonly upstream: Upstream;
  /** Equal in two generations when both show the same tools of the server to the same callers. */
  readonly toolRules: string;
  /** Milliseconds a call may wait without any answer. */
  readonly callTimeoutMs: number;
  /** Extensions of the protocol that client and server may agree on. */
  readonly extensions: ReadonlySet<string>;
  /** What the server says everybody may cache is for one caller nevertheless. */
  readonly keepsPrivate: boolean;
}

/** The routes of one listener, and the judgement every request on it goes through. */
export interface Plane {
  readonly routes: RouteTable;
  /** What a target that is no route is judged and answered as. */
  readonly unknown: Route;
  readonly admit: Chain<Exchange>;
  /** What its first steps go by, for explanations. */
  readonly perimeter: PerimeterInForce;
}

/** The compiled configuration. Pinned by each request: a reload never changes the rules of a request under way. */
export interface Generation {
  readonly number: number;
  /** The main listener: MCP and probes. */
  readonly data: Plane;
  /** The admin listener. */
  readonly admin: Plane;
  /** The plain-HTTP listener that leads to https. */
  readonly redirect: Plane;
  /** From where callers of the main listener may come. */
  readonly network: NetworkRules;
  /** Whom the main listener believes about where requests come from. */
  readonly trust: Trust;
  readonly decide: Chain<Call>;
  /** What every answer carries. */
  readonly headers: AnswerHeaders;
  readonly authorizer: Authorizer;
  readonly prefixes: PrefixSource;
  readonly streams: StreamSettings;
  readonly servers: ReadonlyMap<string, ServerPlan>;
  /** What stands before our paths where callers see them; empty when nothing does. */
  readonly publicPath: string;
  /**
   * Whether the principal still holds a live credential for the server. Asked when something is about to be kept open: a
   * revocation may have come while the request was on its way here.
   */
  stillAccepts(holder: PrincipalId, server: string | undefined): boolean;
}
