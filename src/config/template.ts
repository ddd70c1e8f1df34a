/** What a name stands for, or why it stands for nothing. */
export type Lookup = (name: string) => { readonly value: string } | { readonly problem: string };

export interface Expansion {
  readonly text: string;
  /** Why names stand for nothing. */
  readonly problems: readonly string[];
  /** True when something between the signs is no template. */
  readonly malformed: boolean;
  /** True when the whole text was one template, so that its value may become a number or a boolean. */
  readonly whole: boolean;
  /** True when the text held any template. */
  readonly expanded: boolean;
}

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const TEMPLATE = new RegExp(
  [
    String.raw`\$\$\{(?<literal>[^}]*)\}`,
    String.raw`\$\{(?<shell>[^}]*)\}?`,
    String.raw`\{\{\s*"(?<quoted>\{\{|\}\})"\s*\}\}`,
    String.raw`\{\{(?<braces>.*?)(?:\}\}|$)`,
  ].join('|'),
  'gs',
);
const PLAIN_NAME = new RegExp(`^${NAME}$`);
const ENV_NAME = new RegExp(String.raw`^\s*\.env\.(${NAME})\s*$`);

/**
 * Expands `${NAME}` and `{{ .env.NAME }}` once: what a variable holds is never read as a template again.
 * `$${NAME}` stands for a literal `${NAME}`, `{{ "{{" }}` for `{{`. Anything else between such braces is a problem,
 * for a misspelt template must not become a secret that everybody can read in the file.
 */
export function expand(text: string, lookup: Lookup): Expansion {
  const problems: string[] = [];
  let whole = false;
  let malformed = false;
  let expanded = false;
  const result = text.replaceAll(TEMPLATE, (...match) => {
    const groups = match.at(-1) as Record<string, string | undefined>;
    const { literal, quoted, shell, braces } = groups;
    expanded = true;
    if (literal !== undefined) return `\${${literal}}`;
    if (quoted !== undefined) return quoted;
    const name = shell === undefined ? ENV_NAME.exec(braces ?? '')?.[1] : PLAIN_NAME.exec(shell)?.[0];
    if (name === undefined || !/\}$/.test(match[0] as string)) {
      malformed = true;
      return '';
    }
    whole = match[0] === text;
    const found = lookup(name);
    if ('value' in found) return found.value;
    problems.push(found.problem);
    return '';
  });
  return { text: result, problems, malformed, whole, expanded };
}
