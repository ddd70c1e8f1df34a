// Figures as Markdown. A number never stands without its baseline.
import { of, ratio } from './rounds.mjs';

const fixed = (number, digits) => (Number.isFinite(number) ? number.toFixed(digits) : '–');

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

export const titleOf = ({ era, tool, connections }) =>
  `${tool === 'large' ? '100 KB result' : 'small call'}, ${era}, ${connections} connection${connections === 1 ? '' : 's'}`;

/** One scenario: every contender beside the upstream itself, the floor and the gateway with its layers off. */
export function scenarioTable(rounds, names) {
  const head = ['', 'req/s', '× direct', '× beside', 'CPU µs/req', '× floor', '× off', 'p50 ms', 'p99 ms', 'RSS MiB'];
  const rows = names.map((name) => [
    name,
    fixed(of(rounds, name, 'rps'), 0),
    fixed(ratio(rounds, name, 'direct', 'rps'), 3),
    fixed(ratio(rounds, name, 'beside', 'rps'), 3),
    fixed(of(rounds, name, 'cpu'), 1),
    fixed(ratio(rounds, name, 'floor', 'cpu'), 2),
    fixed(ratio(rounds, name, 'off', 'cpu'), 2),
    fixed(of(rounds, name, 'p50'), 2),
    fixed(of(rounds, name, 'p99'), 2),
    fixed(of(rounds, name, 'rss'), 0),
  ]);
  return table(head, rows);
}

/** The figures the design names, beside what it asks for. */
export function targetTable({ main, idleRss, loadedRss, streams, start }) {
  return table(
    ['what', 'measured', 'target'],
    [
      ['CPU per request, layers on, against layers off', `${fixed(ratio(main, 'on', 'off', 'cpu'), 2)}×`, '≤ 1.4×'],
      [
        'requests/s against the upstream beside the load',
        `${fixed(ratio(main, 'on', 'beside', 'rps'), 3)}×`,
        '≥ 0.45×',
      ],
      ['the same against the upstream alone', `${fixed(ratio(main, 'on', 'direct', 'rps'), 3)}×`, ''],
      ['idle session and its stream, proxied', `${fixed(streams.proxied, 1)} KiB`, '≤ 36 KiB'],
      ['RSS idle', `${fixed(idleRss, 0)} MiB`, '≤ 90 MiB'],
      ['RSS after load', `${fixed(loadedRss, 0)} MiB`, '≤ 130 MiB'],
      ['cold start to ready, demo server', `${fixed(start.ms, 0)} ms`, '≤ 1000 ms'],
    ],
  );
}

/** Microseconds of self time per request, layers off and on. @param rows `{ name, off, on }` */
export function profileTable(what, rows) {
  return table(
    [what, 'off', 'on', 'difference'],
    rows.map(({ name, off, on }) => [name, fixed(off, 2), fixed(on, 2), fixed(on - off, 2)]),
  );
}
