import { compileGlob, type Glob } from './glob.ts';

/** `mcps[].tools`: what of a server's tools is served at all. */
export interface ToolSettings {
  /** Globs. Absent: every tool. Empty: none. */
  readonly allow?: readonly string[] | undefined;
  /** Globs. Beats `allow`, whatever the order. */
  readonly deny?: readonly string[] | undefined;
}

export interface ToolVerdict {
  readonly served: boolean;
  /** `tools.allow:PATTERN`, `tools.deny:PATTERN`, or `tools.open` / `tools.not-listed` when no pattern matched. */
  readonly rule: string;
}

/** A server's tool rules, compiled once. Judging allocates nothing. */
export interface ToolRules {
  /** Whether any name could be refused. */
  readonly restricts: boolean;
  judge(name: string): ToolVerdict;
}

const OPEN: ToolVerdict = { served: true, rule: 'tools.open' };
const NOT_LISTED: ToolVerdict = { served: false, rule: 'tools.not-listed' };

/** @throws TypeError naming the list and the pattern that is none */
export function compileToolRules(settings: ToolSettings = {}): ToolRules {
  const deny = new PatternList('deny', settings.deny ?? [], false);
  if (settings.allow === undefined) {
    return { restricts: !deny.isEmpty, judge: (name) => deny.match(name) ?? OPEN };
  }
  const allow = new PatternList('allow', settings.allow, true);
  // What the settings say when nobody wrote anything: no name can be refused, so no list has to be known.
  const restricts = !deny.isEmpty || !settings.allow.includes('*');
  return { restricts, judge: (name) => deny.match(name) ?? allow.match(name) ?? NOT_LISTED };
}

/** Patterns of one list. Sorted, so that the rule a record names does not depend on the order in the file either. */
class PatternList {
  readonly isEmpty: boolean;
  readonly #literals = new Map<string, ToolVerdict>();
  readonly #globs: { readonly glob: Glob; readonly verdict: ToolVerdict }[] = [];

  constructor(list: 'allow' | 'deny', patterns: readonly string[], served: boolean) {
    this.isEmpty = patterns.length === 0;
    for (const pattern of [...new Set(patterns)].sort()) {
      const glob = compile(list, pattern);
      const verdict: ToolVerdict = { served, rule: `tools.${list}:${pattern}` };
      if (glob.literal) this.#literals.set(pattern, verdict);
      else this.#globs.push({ glob, verdict });
    }
  }

  match(name: string): ToolVerdict | undefined {
    const exact = this.#literals.get(name);
    if (exact !== undefined) return exact;
    for (const { glob, verdict } of this.#globs) if (glob.matches(name)) return verdict;
    return undefined;
  }
}

function compile(list: string, pattern: string): Glob {
  try {
    return compileGlob(pattern);
  } catch (error) {
    throw new TypeError(`tools.${list}: ${(error as Error).message}`);
  }
}
