import type { Check, Outcome, Suite } from './suites.ts';

/** The results of one suite on every path, in the order of the columns. */
export interface Comparison {
  readonly suite: Suite;
  readonly direct: readonly Outcome[];
  readonly http: readonly Outcome[];
  readonly stdio: readonly Outcome[];
}

const count = (checks: readonly Check[], status: Check['status']) =>
  checks.filter((check) => check.status === status).length;

/** A scenario passes when a check succeeded and none failed. One that checked nothing has not passed. */
export function passes({ checks }: Outcome): boolean {
  return count(checks, 'SUCCESS') > 0 && count(checks, 'FAILURE') === 0;
}

/** What is worse through the gateway than directly: one line per check, with the runner's own words. */
export function losses(direct: readonly Outcome[], through: readonly Outcome[]): string[] {
  return direct.flatMap((before) => {
    const after = through.find((outcome) => outcome.scenario === before.scenario);
    if (after === undefined) return [`${before.scenario}: was not run`];
    const must = passes(before) || before.scenario === 'dns-rebinding-protection';
    return [...(must ? failures(after) : []), ...worse(before, after)];
  });
}

function failures(outcome: Outcome): string[] {
  if (passes(outcome)) return [];
  const bad = outcome.checks.filter((check) => check.status !== 'SUCCESS');
  return bad.length === 0
    ? [`${outcome.scenario}: nothing was checked`]
    : bad.map((check) => `${outcome.scenario}: ${check.id}: ${check.errorMessage ?? check.description}`);
}

/**
 * Checks that are worse than directly though they do not fail the scenario: what was a success is a warning or left out.
 * A check that is not there at all found no occasion: an answer that comes as JSON has no stream to look at.
 */
function worse(before: Outcome, after: Outcome): string[] {
  if (!passes(after)) return [];
  const good = new Set(before.checks.filter((check) => check.status === 'SUCCESS').map((check) => check.id));
  const bad = after.checks.filter((check) => check.status !== 'SUCCESS' && good.has(check.id));
  return bad.map(
    (check) => `${after.scenario}: ${check.id} (${check.status}): ${check.errorMessage ?? check.description}`,
  );
}

const HEAD = `# Conformance

How the gateway does in the official suites, \`@modelcontextprotocol/conformance\`, beside the server behind it. Written by

    npm run conformance -- --write

and held by the tests: \`npm run conformance\` (and with it \`npm test\`) runs every suite again and fails when a scenario that
passes directly does not pass through the gateway, or when this table is not what was found.

Three paths: *direct* is a server on the official SDK (\`test/conformance/server/\`) by itself; *HTTP* is the gateway in front
of it; *stdio* is the gateway in front of the same server as a program it starts. ✓: every check of the scenario passed;
✗ n/m: n of m did; – : the scenario found nothing to check. Marked with \\* are scenarios a release runs without counting
them: extensions, and scenarios it holds back as pending or that came after the revision.

The suites send no credential, so the gateways run with \`auth.enabled: false\`; the tasks extension is allowed.
`;

/** The whole of docs/conformance.md. */
export function document(comparisons: readonly Comparison[]): string {
  return `${[HEAD, ...comparisons.map(section)].join('\n')}`;
}

function section({ suite, direct, http, stdio }: Comparison): string {
  const columns = [direct, http, stdio];
  const rows = direct.map(({ scenario }) => {
    const cells = columns.map((outcomes) => cell(outcomes.find((outcome) => outcome.scenario === scenario)));
    return `| ${scenario}${suite.isScored(scenario) ? '' : ' \\*'} | ${cells.join(' | ')} |`;
  });
  const totals = columns.map((outcomes) => {
    const scored = outcomes.filter((outcome) => suite.isScored(outcome.scenario));
    return `**${scored.filter(passes).length}/${scored.length}**`;
  });
  return [
    `## ${suite.name}\n`,
    `Release ${suite.version}, \`conformance server --url URL ${suite.args.join(' ')}\`.\n`,
    '| scenario | direct | HTTP | stdio |',
    '| --- | --- | --- | --- |',
    `| **counted scenarios passed** | ${totals.join(' | ')} |`,
    ...rows,
    '',
  ].join('\n');
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'not run';
  const good = count(outcome.checks, 'SUCCESS');
  const judged = outcome.checks.length - count(outcome.checks, 'SKIPPED');
  if (judged === 0) return '–';
  // How many checks there were depends on whether an answer came as JSON or as a stream, which is a matter of time.
  return good === judged ? '✓' : `✗ ${good}/${judged}`;
}
