import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** One import, export-from or dynamic import of a file. */
export interface Import {
  /** As written: `./x.ts`, `node:fs`, `undici`. */
  readonly specifier: string;
  /** `import type` or `export type`: erased by the compiler, so it joins nothing at run time. */
  readonly typeOnly: boolean;
}

/** A source file as the architecture rules see it. */
export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  /** The text with the contents of comments, strings, templates and regular expressions blanked: what is left is code. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export function source(path: string, text: string): Source {
  const code = blank(text);
  return { path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0), code, imports: importsOf(text, code) };
}

/** Every file under `folder` whose name ends in one of `endings`, read and blanked. */
export function sourcesUnder(root: string, folder: string, endings: readonly string[]): Source[] {
  return filesUnder(root, folder)
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .map((path) => source(path, readFileSync(join(root, path), 'utf8')));
}

export function filesUnder(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(entry.parentPath.slice(root.length + 1).replaceAll('\\', '/'), entry.name))
    .sort();
}

/** Where a relative import leads, from the root of the repository; undefined for packages and node modules. */
export function target(from: Source, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from.path), specifier) : undefined;
}

const IMPORT = /\b(?:import|export)\b(\s+type\b)?[^'"`;()]*?\bfrom\s*['"]|\bimport\s*['"]|\bimport\s*\(\s*['"]/g;

function importsOf(text: string, code: string): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const start = match.index + match[0].length;
    const end = code.indexOf(code[start - 1] as string, start);
    found.push({ specifier: text.slice(start, end), typeOnly: match[1] !== undefined });
  }
  return found;
}

const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|yield|await))\s*$/;

/**
 * Blanks what is not code, keeping length, line breaks and quotation marks, so an offset in the result is one in the text.
 * Code inside `${…}` of a template stays. Not a parser: it knows just enough of the grammar to tell text from code.
 */
function blank(text: string): string {
  let out = '';
  let at = 0;
  /** Depth of braces at which each open `${` ends. */
  const templates: number[] = [];
  let depth = 0;

  const take = (end: number, mask: boolean) => {
    const piece = text.slice(at, end);
    out += mask ? piece.replace(/[^\n]/g, ' ') : piece;
    at = end;
  };
  const quoted = (close: string) => {
    take(at + 1, false);
    take(endOfQuoted(text, at, close), true);
    if (at < text.length) take(at + 1, false);
  };
  const template = () => {
    take(endOfTemplateText(text, at), true);
    if (text[at] === '`') take(at + 1, false);
    else if (at < text.length) {
      take(at + 2, false);
      templates.push(depth);
    }
  };

  while (at < text.length) {
    const c = text[at];
    const next = text[at + 1];
    if (c === '/' && next === '/') take(endOr(text.indexOf('\n', at), text.length), true);
    else if (c === '/' && next === '*') take(endOr(text.indexOf('*/', at + 2) + 2, text.length, 1), true);
    else if (c === '/' && BEFORE_REGEX.test(out.slice(-40))) quoted('/');
    else if (c === "'" || c === '"') quoted(c);
    else if (c === '`') {
      take(at + 1, false);
      template();
    } else if (c === '}' && templates.at(-1) === depth) {
      templates.pop();
      take(at + 1, false);
      template();
    } else {
      if (c === '{') depth += 1;
      if (c === '}') depth -= 1;
      take(at + 1, false);
    }
  }
  return out;
}

function endOr(index: number, end: number, missing = -1): number {
  return index === missing ? end : index;
}

/** The offset of the closing mark: not escaped, on this line, and for a regular expression not inside a class. */
function endOfQuoted(text: string, start: number, close: string): number {
  let inClass = false;
  for (let at = start; at < text.length; at += 1) {
    const c = text[at];
    if (c === '\\') at += 1;
    else if (c === '\n') return at;
    else if (close === '/' && c === '[') inClass = true;
    else if (close === '/' && c === ']') inClass = false;
    else if (c === close && !inClass) return at;
  }
  return text.length;
}

/** The offset of the closing backtick or of the next `${`. */
function endOfTemplateText(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '`' || (text[at] === '$' && text[at + 1] === '{')) return at;
  }
  return text.length;
}
