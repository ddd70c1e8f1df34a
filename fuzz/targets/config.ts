import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, renderFault } from '../../src/config/fault.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';

/** What stands between the file and the environment in an input. */
const ENVIRONMENT = '\n--- environment\n';
/** And before what stands in `.env`. */
const DOTENV = '\n--- .env\n';
const SECRET = 'kept-out-of-every-fault-0123456789';

const BLOCKS = [
  'server:\n  port: 3000\n  host: 127.0.0.1\n',
  'server: { limits: { body_bytes: 500000, idle_timeout_ms: 1000 } }\n',
  'server:\n  public_url: https://mcp.example.com\n',
  'mcps:\n  - id: one\n    transport: stdio\n    command: node\n    args: [server.mjs, "--x"]\n',
  'mcps:\n  - { id: two, transport: streamable-http, url: "https://up.example/mcp", era: modern }\n',
  'mcps:\n  - id: three\n    transport: stdio\n    command: ./run\n    env: { A: "{{ .env.NAME }}" }\n    env_allow: [PATH]\n',
  'auth:\n  methods:\n    - type: token\n      tokens:\n        - { name: ci, token: "{{ .env.SECRET }}" }\n',
  'auth: { methods: [] }\n',
  'audit:\n  mode: strict\n',
  'admin: { port: 0 }\n',
  'tools: &t { allow: ["read_*"], deny: ["*"] }\nmcps: [{ id: x, tools: *t }]\n',
  'state_dir: ./state\n',
];
const VARIABLES = [
  'PORT=8080',
  'HOST=::1',
  'SALLYPORT_SERVER_PORT=x',
  'NAME=a b',
  'SALLYPORT_TOKEN=t',
  'SALLYPORT_LOG_LEVEL=debug',
];

let folder: string;

const DOTENV_LINES = [
  'NAME="a b"',
  "NAME='x'",
  'export NAME=y',
  '# note',
  'NAME=$HOME',
  'PORT=1 # one',
  'A="b\\nc',
  'LD_PRELOAD=x',
];

function load(text: Buffer, env: Record<string, string>): string {
  writeFileSync(join(folder, 'sallyport.yaml'), text, { mode: 0o600 });
  try {
    const { settings, warnings, provenance } = loadConfiguration({ env, flags: {}, cwd: folder });
    must(provenance.size > 0 && typeof settings.server.port === 'number', 'loaded without settings');
    return JSON.stringify([settings, warnings.map(renderFault)]);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    must(error.faults.length > 0, 'refused without a fault');
    for (const fault of error.faults) must(fault.problem.length > 0, 'a fault that says nothing');
    must(!error.message.includes('\x1b') && !error.message.includes('\0'), 'a fault that writes to the terminal');
    return error.message;
  }
}

export const config: Target = {
  name: 'config',
  weight: 1,
  maxBytes: 8_192,
  dictionary: [
    ...BLOCKS,
    ...[
      '&a ',
      '*a',
      '<<: *a\n',
      '!!binary ',
      '!!js/function ',
      '? ',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '|\n',
      '>-\n',
      '"',
    ],
    ...[
      "'",
      '\t',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '{{ .env.NAME }}',
      '{{ .env.SECRET }}',
      '{{',
      '}}',
      '__proto__: ',
      '\0',
    ],
    ...[
      'constructor: ',
      '0x10',
      '1e999',
      '.inf',
      '.nan',
      '~',
      'yes',
      '2001-01-01',
      '# x\n',
      '\ufeff',
      '\x1b[31m',
      '\u2028',
    ],
    ...[DOTENV, ...DOTENV_LINES.map((line) => `${line}\n`), '="', "='", '\\', '$', '`'],
    ...[ENVIRONMENT, ...VARIABLES.map((line) => `${line}\n`)],
  ],
  async start() {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-fuzz-'));
  },
  async stop() {
    rmSync(folder, { recursive: true, force: true });
  },
  generate(random: Random): Buffer {
    const blocks = Array.from({ length: 1 + random.size(5) }, () => random.pick(BLOCKS));
    const variables = Array.from({ length: random.size(3) }, () => random.pick(VARIABLES));
    const dotenv = random.once(2) ? `${DOTENV}${random.pick(DOTENV_LINES)}\n${random.pick(DOTENV_LINES)}` : '';
    return Buffer.from(`${blocks.join('')}${dotenv}${ENVIRONMENT}${variables.join('\n')}`);
  },
  check(bytes) {
    const at = bytes.indexOf(ENVIRONMENT);
    const files = at < 0 ? bytes : bytes.subarray(0, at);
    const half = files.indexOf(DOTENV);
    const text = half < 0 ? files : files.subarray(0, half);
    writeFileSync(join(folder, '.env'), half < 0 ? '' : files.subarray(half + DOTENV.length), { mode: 0o600 });
    const lines =
      at < 0
        ? []
        : bytes
            .toString('utf8', at + ENVIRONMENT.length)
            .replaceAll('\0', '')
            .split('\n');
    const env: Record<string, string> = { SECRET, HOME: folder };
    for (const line of lines) {
      const equals = line.indexOf('=');
      if (equals > 0 && !line.startsWith('SALLYPORT_CONFIG=')) env[line.slice(0, equals)] = line.slice(equals + 1);
    }
    const said = load(text, env);
    mustEqual(load(text, env), said, 'loaded twice, read differently');
  },
};
