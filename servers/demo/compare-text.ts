import { setImmediate as turn } from 'node:timers/promises';

/** Lines that may differ on either side: the table of the comparison is this squared, two bytes each. */
export const MOST_LINES = 4000;

/** Rows between two progress reports, and between two looks at the signal. */
const ROWS_PER_TURN = 250;

export interface ComparedText {
  equal: boolean;
  added: number;
  removed: number;
  /** One line per line, led by `-`, `+` or a blank. */
  diff: string;
}

export interface CompareOptions {
  readonly ignoreWhitespace: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: ((done: number, total: number) => Promise<void>) | undefined;
}

/**
 * Shortest line diff of two texts (longest common subsequence). Lets other calls run between slices of the work.
 * @throws RangeError when more lines differ than the bound; the signal's reason when it is aborted.
 */
export async function compareText(before: string, after: string, options: CompareOptions): Promise<ComparedText> {
  const a = lines(before);
  const b = lines(after);
  const key = options.ignoreWhitespace ? (line: string) => line.replace(/\s+/g, ' ').trim() : (line: string) => line;
  const [ka, kb] = [a.map(key), b.map(key)];

  let head = 0;
  while (head < a.length && head < b.length && ka[head] === kb[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && ka.at(-1 - tail) === kb.at(-1 - tail)) tail += 1;

  const [middleA, middleB] = [ka.slice(head, ka.length - tail), kb.slice(head, kb.length - tail)];
  if (middleA.length > MOST_LINES || middleB.length > MOST_LINES) {
    throw new RangeError(`more than ${MOST_LINES} lines differ; compare smaller parts`);
  }
  const table = await commonLengths(middleA, middleB, options);
  const script = [
    ...a.slice(0, head).map((line) => ` ${line}`),
    ...edits(a.slice(head, a.length - tail), b.slice(head, b.length - tail), middleA, middleB, table),
    ...a.slice(a.length - tail).map((line) => ` ${line}`),
  ];
  const count = (mark: string) => script.filter((line) => line.startsWith(mark)).length;
  const [added, removed] = [count('+'), count('-')];
  return { equal: added + removed === 0, added, removed, diff: script.join('\n') };
}

function lines(text: string): string[] {
  if (text === '') return [];
  const all = text.split(/\r\n|\n/);
  if (all.at(-1) === '') all.pop();
  return all;
}

/** `table[i * (b.length + 1) + j]` is the length of the longest common subsequence of `a` from i and `b` from j. */
async function commonLengths(
  a: readonly string[],
  b: readonly string[],
  options: CompareOptions,
): Promise<Uint16Array> {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      table[at] = a[i] === b[j] ? table[at + width + 1]! + 1 : Math.max(table[at + width]!, table[at + 1]!);
    }
    const done = a.length - i;
    if (done % ROWS_PER_TURN === 0 || i === 0) {
      await options.onProgress?.(done, a.length);
      await turn();
      options.signal.throwIfAborted();
    }
  }
  return table;
}

/** Walks the table from the start: removed lines before added ones, as people expect. */
function edits(
  a: readonly string[],
  b: readonly string[],
  ka: readonly string[],
  kb: readonly string[],
  table: Uint16Array,
) {
  const width = b.length + 1;
  const script: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && ka[i] === kb[j]) {
      script.push(` ${a[i]}`);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && table[(i + 1) * width + j]! >= table[i * width + j + 1]!)) {
      script.push(`-${a[i]}`);
      i += 1;
    } else {
      script.push(`+${b[j]}`);
      j += 1;
    }
  }
  return script;
}
