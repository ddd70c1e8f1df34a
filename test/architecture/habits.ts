import type { Source } from './source.ts';

/** A pattern that must not appear in code (comments and strings do not count), and the rule it breaks. */
interface Habit {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly allowedIn?: (path: string) => boolean;
}

const inModule = (...modules: string[]) => {
  return (path: string) => modules.some((module) => path.startsWith(`src/${module}/`));
};

/** What a request of Node's is called. */
const REQUEST = '(?:req|request|incoming|incomingMessage)';

export const HABITS = {
  rawHeaders: {
    rule: 'raw headers only: Node joins or drops repeated headers in `headers`; two readers of one request must not differ',
    pattern: new RegExp(
      [
        `\\b${REQUEST}\\s*\\??\\.\\s*headers\\b`,
        // Whatever the name in brackets, it is not one that can be checked.
        `\\b${REQUEST}\\s*(?:\\?\\.)?\\s*\\[`,
        '\\.\\s*(?:headersDistinct|trailers|trailersDistinct)\\b',
        `\\{[^{}]*\\b(?:headers|headersDistinct|trailers|trailersDistinct)\\b[^{}]*\\}\\s*(?:=\\s*(?:\\w+\\s*\\??\\.\\s*)*${REQUEST}\\s*[;,)\\n]|:\\s*IncomingMessage\\b)`,
      ].join('|'),
    ),
  },
  noFetch: {
    rule: 'no fetch: it follows redirects, hides headers and costs several times a dispatch; use undici dispatch',
    pattern: /(?<![.\w#])fetch\s*\(|\bglobalThis\s*\.\s*fetch\b/,
  },
  noEnvironment: {
    rule: 'only src/config and src/cli read the environment: a setting has one place',
    pattern: /\bprocess\s*\.\s*env\b|\bimport\b[^;]*\benv\b[^;]*\bfrom\s*['"]/,
    allowedIn: inModule('config', 'cli'),
  },
  fieldWords: {
    rule: "names use the field's words, not a drawer's label",
    pattern: /\b(?:class|interface|type|function|const|let)\s+\w*(?:Utils?|Helpers?|Manager|Misc)\b/,
  },
} satisfies Record<string, Habit>;

export function habitViolations(sources: readonly Source[], { rule, pattern, allowedIn }: Habit): string[] {
  return sources.flatMap((file) => {
    if (allowedIn?.(file.path)) return [];
    const found = pattern.exec(file.code);
    if (found === null) return [];
    const line = file.code.slice(0, found.index).split('\n').length;
    return [`${file.path}:${line} has \`${found[0].trim()}\`: ${rule}`];
  });
}

const DRAWERS = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'managers', 'misc']);

/** Files and folders named like a drawer for everything. */
export function drawerNames(paths: readonly string[]): string[] {
  return paths
    .filter((path) => path.split(/[/.\-_]/).some((word) => DRAWERS.has(word)))
    .map((path) => `${path}: ${HABITS.fieldWords.rule}`);
}

export const MOST_LINES = 300;

/** Tables and generated files may be long: they are looked up, not read. */
const LONG_BY_NATURE: ReadonlySet<string> = new Set([]);

export function longFiles(sources: readonly Source[], exempt = LONG_BY_NATURE): string[] {
  return sources
    .filter((file) => file.lines > MOST_LINES && !exempt.has(file.path))
    .map((file) => `${file.path} has ${file.lines} lines, over ${MOST_LINES}: it holds more than one thing`);
}

export const MOST_README_LINES = 30;

/** Modules (folders directly under src/ and servers/) whose README is missing or longer than a page. */
export function readmeViolations(modules: readonly string[], readmes: ReadonlyMap<string, number>): string[] {
  return modules.flatMap((module) => {
    const lines = readmes.get(`${module}/README.md`);
    if (lines === undefined) return [`${module} has no README.md`];
    return lines > MOST_README_LINES ? [`${module}/README.md has ${lines} lines, over ${MOST_README_LINES}`] : [];
  });
}
