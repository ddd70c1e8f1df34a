import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = new URL('../docs/performance.md', import.meta.url);

/** Puts tables where docs/performance.md has `<!-- mark -->`; the prose around them stays. @throws Error when it has no such place */
export function publish(mark, tables) {
  const [before, rest] = readFileSync(PAGE, 'utf8').split(`<!-- ${mark} -->`);
  const after = rest?.split(`<!-- /${mark} -->`)[1];
  if (after === undefined) throw new Error(`docs/performance.md has no place marked ${mark}`);
  writeFileSync(PAGE, `${before}<!-- ${mark} -->\n\n${tables.trim()}\n\n<!-- /${mark} -->${after}`);
}
