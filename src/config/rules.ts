import { hashToken } from '../crypto/token.ts';
import { isLoopback } from '../net/loopback.ts';
import { ADDRESS_DOUBTS } from './address-rules.ts';
import { banLengths, banTrust } from './ban-rules.ts';
import { BROWSER_DOUBTS, BROWSER_RULES } from './browser-rules.ts';
import { CONNECTION_DOUBTS, CONNECTION_RULES } from './connection-rules.ts';
import type { Finding } from './findings.ts';
import { listenerTls, listenerTlsDoubts, redirectTarget } from './listener-tls-rules.ts';
import { nearest } from './nearest.ts';
import type { Path } from './path.ts';
import type { Draft, Rule } from './rule.ts';
import { settingsSchema } from './schema/settings.ts';
import { TRUST_DOUBTS, TRUST_RULES } from './trust-rules.ts';
import { UPSTREAM_TLS_DOUBTS, UPSTREAM_TLS_RULES } from './upstream-tls-rules.ts';

const DEFAULTS = settingsSchema.parse({});

const isWildcard = (host: string): boolean => /^(0\.0\.0\.0|::|\[::\])$/.test(host);

interface FoundToken {
  readonly path: Path;
  readonly name: string | undefined;
  readonly hash: string | undefined;
  readonly servers: readonly (string | undefined)[] | undefined;
  readonly expires: string | undefined;
}

type Methods = NonNullable<Draft['auth']>['methods'];

function tokensOf(methods: Methods, path: Path): FoundToken[] {
  return (methods ?? []).flatMap((method, index) =>
    (method?.tokens ?? []).flatMap((entry, position) => {
      if (entry === undefined) return [];
      const { name, token, hash, servers, expires } = entry;
      const digest = token === undefined ? hash : hashToken(token);
      return [{ path: [...path, index, 'tokens', position], name, hash: digest, servers, expires }];
    }),
  );
}

/** Tokens of `auth.methods`, then of each server's own `auth`. */
function allTokens(draft: Draft): { shared: FoundToken[]; own: FoundToken[] } {
  const own = (draft.mcps ?? []).flatMap((entry, index): FoundToken[] => {
    const path = ['mcps', index, 'auth'];
    const auth = entry?.auth;
    if (auth === undefined) return [];
    if ('methods' in auth) return tokensOf(auth.methods as Methods, [...path, 'methods']);
    const token = 'token' in auth ? (auth.token as string | undefined) : undefined;
    return token === undefined
      ? []
      : [{ path, name: undefined, hash: hashToken(token), servers: undefined, expires: undefined }];
  });
  return { shared: tokensOf(draft.auth?.methods, ['auth', 'methods']), own };
}

const openBind: Rule = (draft, report) => {
  const host = draft.server?.host ?? DEFAULTS.server.host;
  const open = draft.auth?.enabled === false && (draft.auth.anonymous?.roles ?? []).length === 0;
  // A Unix socket is for whom its permissions let in.
  if (draft.server?.socket !== undefined || isLoopback(host) || !open) return;
  report(
    ['server', 'host'],
    'is not loopback while no authentication is configured (auth.enabled is false), so anybody who reaches it could call',
    'Set auth.enabled: true, or server.host: 127.0.0.1, or write auth.anonymous.roles: [user] to allow everybody on purpose.',
  );
};

const switchedOffTokens: Rule = (draft, report) => {
  if (draft.auth?.enabled !== false) return;
  const { shared, own } = allTokens(draft);
  if (shared.length + own.length === 0) return;
  const remedy = 'Set auth.enabled: true, or remove the tokens.';
  report(['auth', 'enabled'], 'is false although tokens are configured, which would then protect nothing', remedy);
};

const tokenNames: Rule = (draft, report) => {
  const { shared, own } = allTokens(draft);
  const names = new Set<string>();
  const hashes = new Set<string>();
  for (const { path, name, hash } of shared) {
    if (name !== undefined && names.has(name))
      report([...path, 'name'], 'is the name of two tokens', 'Give each token its own name.');
    else if (hash !== undefined && hashes.has(hash)) {
      report(path, 'is the same token as an earlier entry, so nobody could tell who calls', 'Make a token for each.');
    }
    if (name !== undefined) names.add(name);
    if (hash !== undefined) hashes.add(hash);
  }
  const routes = new Set<string>();
  for (const { path, name } of own) {
    if (name === undefined) continue;
    const key = `${String(path[1])} ${name}`;
    if (routes.has(key))
      report([...path, 'name'], 'is the name of two tokens of this server', 'Give each token its own name.');
    routes.add(key);
  }
};

const tokenServers: Rule = (draft, report) => {
  const ids = (draft.mcps ?? []).map((entry) => entry?.id);
  // An id that is itself wrong has been told; whatever names it may be right.
  if (ids.includes(undefined)) return;
  const { shared, own } = allTokens(draft);
  for (const { path, servers } of [...shared, ...own]) {
    servers?.forEach((id, index) => {
      if (id === undefined || ids.includes(id)) return;
      const near = nearest(id, ids as string[]);
      const remedy = near === undefined ? 'Use ids of entries under mcps.' : undefined;
      report(
        [...path, 'servers', index],
        'is not the id of a server',
        remedy,
        near === undefined ? undefined : `"${near}"`,
      );
    });
  }
};

const serverIds: Rule = (draft, report) => {
  const ids = new Map<string, number>();
  (draft.mcps ?? []).forEach((entry, index) => {
    if (entry?.id === undefined) return;
    const first = ids.get(entry.id);
    if (first === undefined) ids.set(entry.id, index);
    else report(['mcps', index, 'id'], `is already the id of mcps[${first}]`, 'Give each server its own id.');
  });
};

const restartWaits: Rule = (draft, report) => {
  (draft.mcps ?? []).forEach((entry, index) => {
    const { backoff_ms: first = 500, backoff_max_ms: longest = 30_000 } =
      entry !== undefined && 'restart' in entry ? (entry.restart ?? {}) : {};
    if (first > longest)
      report(
        ['mcps', index, 'restart', 'backoff_ms'],
        'is longer than restart.backoff_max_ms',
        'Swap them or raise the longer one.',
      );
  });
};

/** True when a server address leads back to the gateway itself, which would then call itself for ever. */
function isOurs(url: URL, draft: Draft): boolean {
  const host = draft.server?.host ?? DEFAULTS.server.host;
  const port = draft.server?.port ?? DEFAULTS.server.port;
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const publicUrl = draft.server?.public_url;
  if (publicUrl !== undefined && new URL(publicUrl).origin === url.origin) return true;
  const number = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (port === 0 || number !== port) return false;
  const local = isLoopback(name) || isWildcard(name);
  if (local) return isLoopback(host) || isWildcard(host);
  return (
    name === host.toLowerCase() ||
    (draft.server?.allowed_hosts ?? []).some((own) => own?.replace(/^\[|\]$/g, '') === name)
  );
}

const ownListener: Rule = (draft, report) => {
  (draft.mcps ?? []).forEach((entry, index) => {
    if (entry === undefined || !('url' in entry) || typeof entry.url !== 'string') return;
    if (!isOurs(new URL(entry.url), draft)) return;
    report(
      ['mcps', index, 'url'],
      'is the address of this gateway itself',
      "Write the server's own address. auth says what callers present here, upstream_auth what the gateway presents there; neither needs a second pass through the gateway.",
    );
  });
};

const adminListener: Rule = (draft, report) => {
  if (draft.admin?.enabled === false) return;
  const port = draft.server?.port ?? DEFAULTS.server.port;
  const adminHost = draft.admin?.host ?? DEFAULTS.admin.host;
  if (!isLoopback(adminHost) && (draft.admin?.metrics_auth ?? 'none') === 'none') {
    report(
      ['admin', 'host'],
      'is not loopback while admin.metrics_auth is none',
      'Set admin.metrics_auth: token, or admin.host: 127.0.0.1.',
    );
  }
  if (draft.admin?.port !== undefined && draft.admin.port !== 0 && draft.admin.port === port) {
    report(['admin', 'port'], 'is also server.port', 'Give the admin listener its own port.');
  }
  if (draft.admin?.port === undefined && port === 65_535) {
    report(['server', 'port'], 'leaves no port above it for the admin listener', 'Set admin.port.');
  }
};

/** Rules that look at more than one setting. None of them stops the others. */
export const RULES: readonly Rule[] = [
  openBind,
  switchedOffTokens,
  tokenNames,
  tokenServers,
  serverIds,
  restartWaits,
  banLengths,
  ownListener,
  adminListener,
  ...TRUST_RULES,
  listenerTls,
  redirectTarget,
  ...CONNECTION_RULES,
  ...UPSTREAM_TLS_RULES,
  ...BROWSER_RULES,
];

const idleAnonymousRoles: Rule = (draft, report) => {
  if (draft.auth?.enabled === false || (draft.auth?.anonymous?.roles ?? []).length === 0) return;
  report(
    ['auth', 'anonymous', 'roles'],
    'has no effect while auth.enabled is true',
    'Set auth.enabled: false to let anonymous callers in.',
  );
};

const expiredTokens: Rule = (draft, report) => {
  const { shared, own } = allTokens(draft);
  for (const { path, expires } of [...shared, ...own]) {
    if (expires === undefined || Date.parse(expires) > Date.now()) continue;
    report([...path, 'expires'], 'is in the past, so this token opens nothing', 'Remove the token or renew it.');
  }
};

/** What is allowed but probably not meant. */
export const DOUBTS: readonly Rule[] = [
  idleAnonymousRoles,
  expiredTokens,
  ...ADDRESS_DOUBTS,
  banTrust,
  listenerTlsDoubts,
  ...CONNECTION_DOUBTS,
  ...UPSTREAM_TLS_DOUBTS,
  ...BROWSER_DOUBTS,
  ...TRUST_DOUBTS,
];

/** Runs rules over a draft. */
export function applyRules(rules: readonly Rule[], draft: Draft): Finding[] {
  const findings: Finding[] = [];
  for (const rule of rules) {
    rule(draft, (path, problem, remedy, suggestion) => {
      findings.push({
        path,
        code: 'rule',
        problem,
        ...(remedy === undefined ? {} : { remedy }),
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    });
  }
  return findings;
}
