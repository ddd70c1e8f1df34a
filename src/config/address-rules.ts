import { isLoopback } from '../net/loopback.ts';
import type { Path } from './path.ts';
import type { Draft, Rule } from './rule.ts';

type List = NonNullable<NonNullable<Draft['security']>['ip_whitelist']>;

/** Every list of addresses, with its place. */
function listsOf(draft: Draft): { path: Path; list: List; isAllow: boolean }[] {
  const blocks: { path: Path; block: Draft['security'] }[] = [
    { path: ['security'], block: draft.security },
    ...(draft.mcps ?? []).map((entry, index) => ({ path: ['mcps', index, 'security'], block: entry?.security })),
    { path: ['admin'], block: draft.admin },
  ];
  return blocks.flatMap(({ path, block }) =>
    (['ip_whitelist', 'ip_blacklist'] as const).flatMap((key) => {
      const list = block?.[key];
      return Array.isArray(list) ? [{ path: [...path, key], list: list as List, isAllow: key === 'ip_whitelist' }] : [];
    }),
  );
}

/** What somebody who writes the unspecified address nearly always means. */
const EVERYBODY: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '0.0.0.0/0'],
  ['::', '::/0'],
]);

const unspecified: Rule = (draft, report) => {
  for (const { path, list } of listsOf(draft)) {
    list.forEach((entry, index) => {
      const text = typeof entry === 'object' && 'cidr' in entry ? entry.cidr : entry;
      const meant = typeof text === 'string' ? EVERYBODY.get(text) : undefined;
      if (meant === undefined) return;
      const problem = 'is one address, from which nobody ever comes';
      report([...path, index], problem, undefined, `"${meant}", every address of its family`);
    });
  }
};

const nobody: Rule = (draft, report) => {
  for (const { path, list, isAllow } of listsOf(draft)) {
    if (!isAllow || list.length > 0) continue;
    const localhost = draft.security?.ip_localhost === 'always' ? 'programs on this machine alone' : 'nobody';
    report(path, `is empty, so it lets ${localhost} in`, 'List the addresses that may come, or remove the key.');
  }
};

const expired: Rule = (draft, report) => {
  for (const { path, list } of listsOf(draft)) {
    list.forEach((entry, index) => {
      if (typeof entry !== 'object' || !('expires' in entry) || typeof entry.expires !== 'string') return;
      if (Date.parse(entry.expires) > Date.now()) return;
      const remedy = 'Remove the entry or renew it.';
      report([...path, index, 'expires'], 'is in the past, so this entry counts for nothing', remedy);
    });
  }
};

const onlyReported: Rule = ({ security, mcps }, report) => {
  const problem = 'is report: nobody is refused, and what would be is only counted';
  const strict = mcps?.flatMap((entry) => (entry?.security?.mode === 'enforce' ? [entry.id ?? '?'] : [])) ?? [];
  const except = strict.length === 0 ? '' : ` (enforced on the routes of ${strict.join(', ')})`;
  const remedy = '`sallyport ip report` shows whom it would hit; set enforce when nobody you want is among them.';
  if (security?.mode === 'report') report(['security', 'mode'], `${problem}${except}`, remedy);
  mcps?.forEach((entry, index) => {
    if (entry?.security?.mode === 'report') report(['mcps', index, 'security', 'mode'], problem, remedy);
  });
};

/**
 * The public URL names another machine than loopback, so somebody on this one passes on what comes there. If they add no header
 * (a tunnel, a proxy of bytes), whatever they pass on looks like a program here.
 */
const everybodyLocal: Rule = (draft, report) => {
  const { server, security, mcps } = draft;
  // Those who announce their clients, or have no address, never count as this machine.
  if (server?.public_url === undefined || server.socket !== undefined || server.proxy_protocol === 'required') return;
  if (isLoopback(new URL(server.public_url).hostname)) return;
  const gateway = security?.ip_localhost;
  const blocks = [
    { path: ['security', 'ip_localhost'], localhost: gateway, list: security?.ip_whitelist },
    ...(mcps ?? []).map((entry, index) => ({
      path: ['mcps', index, 'security', 'ip_localhost'],
      localhost: entry?.security?.ip_localhost ?? gateway,
      list: entry?.security?.ip_whitelist,
    })),
  ];
  // Where one block inherits it from another it is told once.
  const found = blocks.find(({ localhost, list }) => localhost === 'always' && list !== undefined);
  if (found === undefined) return;
  report(
    found.path,
    'is always while server.public_url names another machine: a proxy or tunnel on this one that adds no forwarding header makes everybody it serves count as this machine',
    'Set it to listed, or make sure that whatever stands in front adds X-Forwarded-For.',
  );
};

/** What is allowed in lists of addresses but probably not meant. */
export const ADDRESS_DOUBTS: readonly Rule[] = [unspecified, nobody, expired, onlyReported, everybodyLocal];
