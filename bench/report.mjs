// Figures as Markdown. A number never stands without its baseline.
import { of, ratio } from './rounds.mjs';

const fixed = (number, digits) => (Number.isFinite(number) ? number.toFixed(digits) : '–');

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

export const titleOf = ({ era, tool, connections, transport = 'HTTP' }) =>
  `${tool === 'large' ? '100 KB result' : 'small call'}, ${era}, ${transport}, ${connections} connection${connections === 1 ? '' : 's'}`;

const withNotes = (text, notes) => [text, ...notes.map((note) => `\n${note}.`)].join('\n');

/** One scenario: every contender beside the upstream itself, the floor and the gateway with its layers off. */
export function scenarioTable(rounds, names, notes) {
  const compared = names.includes('nginx') ? ['floor', 'nginx', 'off'] : ['floor', 'off'];
  const head = ['', 'req/s', '× direct', '× beside', 'CPU µs/req', ...compared.map((base) => `× ${base}`)];
  const rows = names.map((name) => [
    name,
    fixed(of(rounds, name, 'rps'), 0),
    fixed(ratio(rounds, name, 'direct', 'rps'), 3),
    fixed(ratio(rounds, name, 'beside', 'rps'), 3),
    fixed(of(rounds, name, 'cpu'), 1),
    ...compared.map((base) => fixed(ratio(rounds, name, base, 'cpu'), 2)),
    fixed(of(rounds, name, 'p50'), 2),
    fixed(of(rounds, name, 'p99'), 2),
  ]);
  return withNotes(table([...head, 'p50 ms', 'p99 ms'], rows), notes);
}

/** The same before one stdio server: the gateway with all layers on is what the others are held against. */
export function bridgeTable(rounds, names, notes) {
  const head = ['', 'req/s', '× on', 'CPU µs/req', '× on', 'p50 ms', 'p99 ms'];
  const rows = names.map((name) => [
    name,
    fixed(of(rounds, name, 'rps'), 0),
    fixed(ratio(rounds, name, 'on', 'rps'), 3),
    fixed(of(rounds, name, 'cpu'), 1),
    fixed(ratio(rounds, name, 'on', 'cpu'), 2),
    fixed(of(rounds, name, 'p50'), 2),
    fixed(of(rounds, name, 'p99'), 2),
  ]);
  return withNotes(table(head, rows), notes);
}

/** @param rows `{ name, idle, echo, large }` in MiB: before any call, and the most after each kind of call */
export function memoryTable(rows) {
  const head = ['RSS, MiB', 'idle for 25 s', 'after small calls', 'after 100 KB results'];
  return table(
    head,
    rows.map(({ name, idle, echo, large }) => [name, fixed(idle, 0), fixed(echo, 0), fixed(large, 0)]),
  );
}

/** The figures the design names, beside what it asks for. What was not installed has no row. */
export function targetTable({ main, bridged, memory, streams, start }) {
  const cpu = (rounds, base) => `${fixed(ratio(rounds, 'on', base, 'cpu'), 2)}×`;
  const against = (rounds, base, target) =>
    rounds[0][base] === undefined ? [] : [[`CPU per request, layers on, against ${base}`, cpu(rounds, base), target]];
  return table(
    ['what', 'measured', 'target'],
    [
      ...against(main, 'off', '≤ 1.4×'),
      ...against(main, 'nginx', '≤ 5.5×'),
      ...against(bridged, 'mcp-proxy', '≤ 0.25×'),
      ...against(bridged, 'supergateway', '≤ 0.2×'),
      [
        'requests/s against the upstream beside the load',
        `${fixed(ratio(main, 'on', 'beside', 'rps'), 3)}×`,
        '≥ 0.45×',
      ],
      ['the same against the upstream alone', `${fixed(ratio(main, 'on', 'direct', 'rps'), 3)}×`, ''],
      ['idle session and its stream, proxied', `${fixed(streams.proxied, 1)} KiB`, '≤ 36 KiB'],
      ['RSS idle, 25 s after the start', `${fixed(memory.idle, 0)} MiB`, '≤ 90 MiB'],
      ['RSS after small calls', `${fixed(memory.echo, 0)} MiB`, '≤ 130 MiB'],
      ['RSS after 100 KB results', `${fixed(memory.large, 0)} MiB`, ''],
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
