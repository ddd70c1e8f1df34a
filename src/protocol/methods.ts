import type { Revision } from './revisions.ts';

/** The request that opens a subscription, and the first thing said in one (MCP 2026-07-28, patterns/subscriptions). */
export const LISTEN = 'subscriptions/listen';
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/** The methods one revision knows, by who sends them. What is not in the table is refused. */
export interface MethodTable {
  readonly clientRequests: ReadonlySet<string>;
  readonly clientNotifications: ReadonlySet<string>;
  readonly serverRequests: ReadonlySet<string>;
  readonly serverNotifications: ReadonlySet<string>;
}

const listsAndReads = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
];

const serverNotifications = [
  'notifications/cancelled',
  'notifications/progress',
  'notifications/message',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
];

/**
 * schema/2026-07-28: requests only from client to server; the server asks through `input_required`, so a client has nothing to
 * report the progress of.
 */
const modern: MethodTable = {
  clientRequests: new Set([...listsAndReads, 'server/discover', LISTEN]),
  clientNotifications: new Set(['notifications/cancelled']),
  serverRequests: new Set(),
  serverNotifications: new Set([...serverNotifications, ACKNOWLEDGED]),
};

const legacyRequests = [
  ...listsAndReads,
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
];
const legacyClientNotifications = [
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
];

/** 2025-06-18 added elicitation. */
const legacy2025June: MethodTable = {
  clientRequests: new Set(legacyRequests),
  clientNotifications: new Set(legacyClientNotifications),
  serverRequests: new Set(['ping', 'sampling/createMessage', 'roots/list', 'elicitation/create']),
  serverNotifications: new Set(serverNotifications),
};

/** 2025-11-25 added tasks (core, experimental) and the completion of URL elicitation. */
const tasks = ['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel'];
const legacy2025November: MethodTable = {
  clientRequests: new Set([...legacyRequests, ...tasks]),
  clientNotifications: new Set([...legacyClientNotifications, 'notifications/tasks/status']),
  serverRequests: new Set([...legacy2025June.serverRequests, ...tasks]),
  serverNotifications: new Set([
    ...serverNotifications,
    'notifications/elicitation/complete',
    'notifications/tasks/status',
  ]),
};

const legacyOldest: MethodTable = {
  clientRequests: new Set(legacyRequests),
  clientNotifications: new Set(legacyClientNotifications),
  serverRequests: new Set(['ping', 'sampling/createMessage', 'roots/list']),
  serverNotifications: new Set(serverNotifications),
};

export const METHODS: { readonly [R in Revision]: MethodTable } = {
  '2026-07-28': modern,
  '2025-11-25': legacy2025November,
  '2025-06-18': legacy2025June,
  '2025-03-26': legacyOldest,
  '2024-11-05': legacyOldest,
};

/** The client capability a server request needs (2025-11-25, client features). Requests not named here need none. */
export const CAPABILITY_OF_SERVER_REQUEST: ReadonlyMap<string, string> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
  ['elicitation/create', 'elicitation'],
  ['tasks/get', 'tasks'],
  ['tasks/result', 'tasks'],
  ['tasks/list', 'tasks'],
  ['tasks/cancel', 'tasks'],
]);

/** What a method names: the tool, prompt, resource or task a rule can be about. */
export const NAME_PARAMETER: ReadonlyMap<string, 'name' | 'uri' | 'taskId'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
  ['tasks/result', 'taskId'],
]);
