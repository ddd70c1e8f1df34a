import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, run, SUITES } from './suites.ts';
import { type Comparison, document, losses, passes } from './table.ts';
import { direct, type Target, throughHttp, throughStdio } from './targets.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url));

/** Set by `npm run conformance`: how far it is, and the table at the end. */
const SAYS = process.env.CONFORMANCE_TABLE === '1';

const targets: Target[] = [];
let results: Comparison[];

// The three paths side by side; on each path one suite after the other, for a server announces its changes to every listener.
beforeAll(async () => {
  const server = await direct();
  targets.push(server);
  const [http, stdio] = await Promise.all([throughHttp(server.url), throughStdio()]);
  targets.push(http, stdio);
  const [one, two, three] = await Promise.all([server, http, stdio].map(everySuite));
  results = SUITES.map((suite, at) => ({
    suite,
    direct: one?.[at] ?? [],
    http: two?.[at] ?? [],
    stdio: three?.[at] ?? [],
  }));
  if (SAYS) console.log(document(results));
  if (process.env.CONFORMANCE_WRITE === '1') writeFileSync(DOCUMENT, document(results));
}, 300_000);
afterAll(() => Promise.all(targets.map((target) => target.stop())));

async function everySuite(target: Target): Promise<Outcome[][]> {
  const outcomes: Outcome[][] = [];
  for (const suite of SUITES) {
    const found = await run(suite, target.url);
    if (SAYS) console.log(`${target.name}: ${suite.name}: ${found.filter(passes).length} of ${found.length} scenarios`);
    outcomes.push(found);
  }
  return outcomes;
}

describe.each(
  SUITES.map((suite, at) => ({ name: suite.name, version: suite.version, suite, at })),
)('$name ($version)', ({ suite, at }) => {
  it('is passed by the server behind the gateway in every scenario that counts', () => {
    const scored = results[at]?.direct.filter((outcome) => suite.isScored(outcome.scenario)) ?? [];
    expect(scored.filter((outcome) => !passes(outcome))).toEqual([]);
    expect(scored).toHaveLength(suite.scored);
  });

  it.each(['HTTP', 'stdio'] as const)('loses nothing through the gateway, over %s', (path) => {
    const { direct, http, stdio } = results[at] as Comparison;
    expect(losses(direct, path === 'HTTP' ? http : stdio)).toEqual([]);
  });
});

it('is what docs/conformance.md says', () => {
  expect(document(results)).toBe(readFileSync(DOCUMENT, 'utf8'));
});
