import type { Path } from './path.ts';
import type { Draft, Rule } from './rule.ts';

type Block = NonNullable<NonNullable<Draft['security']>['cors']>;

interface Found {
  readonly path: Path;
  /** The blocks that decide together. */
  readonly blocks: readonly Block[];
}

/** What is in force on a route: the gateway's block, and each server's together with it. */
function found(draft: Draft): Found[] {
  const gateway = draft.security?.cors ?? {};
  const own = (draft.mcps ?? []).flatMap((entry, index): Found[] => {
    const block = entry?.security?.cors;
    const speaks = block?.allowed_origins !== undefined || block?.allow_credentials !== undefined;
    return speaks ? [{ path: ['mcps', index, 'security', 'cors'], blocks: [gateway, block] }] : [];
  });
  return [{ path: ['security', 'cors'], blocks: [gateway] }, ...own];
}

/** Every list that is there has `*`. */
function letsAnybodyIn(blocks: readonly Block[]): boolean {
  const lists = blocks.map((block) => block.allowed_origins).filter((list) => list !== undefined);
  return lists.length > 0 && lists.every((list) => list.includes('*'));
}

const anybodyWithCredentials: Rule = (draft, report) => {
  for (const { path, blocks } of found(draft)) {
    const said = blocks.map((block) => block.allow_credentials).filter((value) => value !== undefined);
    if (!letsAnybodyIn(blocks) || said.length === 0 || !said.every(Boolean)) continue;
    report(
      [...path, 'allow_credentials'],
      'is true while allowed_origins has *, so any page could act with the cookies of whoever visits it',
      'List the origins that may, or set allow_credentials: false.',
    );
  }
};

const anybody: Rule = (draft, report) => {
  const [gateway] = found(draft);
  if (gateway === undefined || !letsAnybodyIn(gateway.blocks)) return;
  report(
    [...gateway.path, 'allowed_origins'],
    'has *, so every page on the web may call with a token it holds',
    'List the origins of your own pages, unless this is meant.',
  );
};

/** Fetch, "forbidden request-header": pages cannot set these, so no grant is ever asked for. Some of them browsers set. */
const NEVER_SET = new Set(
  (
    'accept-charset accept-encoding access-control-request-headers access-control-request-method connection content-length ' +
    'cookie cookie2 date dnt expect host keep-alive origin referer set-cookie te trailer transfer-encoding upgrade via'
  ).split(' '),
);

const neverSet: Rule = (draft, report) => {
  const own = (draft.mcps ?? []).map((entry, index) => ({
    path: ['mcps', index, 'security', 'cors', 'allowed_headers'],
    names: entry?.security?.cors?.allowed_headers,
  }));
  const all = [{ path: ['security', 'cors', 'allowed_headers'], names: draft.security?.cors?.allowed_headers }, ...own];
  for (const { path, names = [] } of all) {
    for (const [index, name = ''] of names.entries()) {
      const lower = name.toLowerCase();
      if (!NEVER_SET.has(lower) && !lower.startsWith('proxy-') && !lower.startsWith('sec-')) continue;
      report([...path, index], 'is a header no browser lets a page set, so it grants nothing', 'Remove it.');
    }
  }
};

/** What the list browsers are built with asks for. */
const PRELOAD_SECONDS = 31_536_000;

const preload: Rule = (draft, report) => {
  const {
    hsts_preload = false,
    hsts_max_age = PRELOAD_SECONDS,
    hsts_include_subdomains = true,
  } = draft.security?.headers ?? {};
  if (!hsts_preload || (hsts_include_subdomains && hsts_max_age >= PRELOAD_SECONDS)) return;
  report(
    ['security', 'headers', 'hsts_preload'],
    `is true, which takes hsts_include_subdomains: true and a hsts_max_age of at least ${PRELOAD_SECONDS}`,
    'Set those two, or hsts_preload: false.',
  );
};

const looseContentPolicy: Rule = (draft, report) => {
  const loose = /'unsafe-(?:inline|eval)'/.exec(draft.security?.headers?.content_security_policy ?? '')?.[0];
  if (loose === undefined) return;
  report(
    ['security', 'headers', 'content_security_policy'],
    `has ${loose}, which lets through the scripts it is there to stop`,
    'Leave it out; no answer of the gateway needs it.',
  );
};

export const BROWSER_RULES: readonly Rule[] = [anybodyWithCredentials, preload];
export const BROWSER_DOUBTS: readonly Rule[] = [anybody, neverSet, looseContentPolicy];
