// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the configuration
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../../test/fixtures/config/folder.ts';
import { ConfigurationError } from './fault.ts';
import { loadConfiguration } from './load.ts';

const letters = fc.constantFrom(...'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789');
/** Random enough that it never appears in our own words. */
const secret = fc.string({ unit: letters, minLength: 8, maxLength: 90 }).map((text) => `Zq9${text}`);

/** A configuration with the secret in every place that has one. */
const document = (s: string): string => `server:
  port: 3000
  public_url: https://ops:${s}@mcp.example.com/?key=${s}
auth:
  methods:
    - type: token
      tokens:
        - name: ci
          token: ${s}
          expires: 2030-01-01
        - { name: ops, hash: "sha256:${s}" }
        - { name: tpl, token: "{{ .env.TPL_TOKEN }}" }
mcps:
  - id: files
    transport: stdio
    command: node
    args: ["--api-key", "${s}"]
    env: { API_KEY: ${s} }
    auth: { type: token, token: ${s} }
  - id: search
    transport: streamable-http
    url: https://search.example.com/mcp
    upstream_auth: { type: token, token: ${s}, header: Authorization, prefix: Bearer }
`;

/** Ways to break a file around a secret: at line `at`, in the manner of `how`. */
function damage(text: string, how: string, at: number, s: string): string {
  const lines = text.split('\n');
  const index = at % lines.length;
  const line = lines[index] ?? '';
  const damaged: Record<string, string[]> = {
    none: [line],
    'no blank behind the colon': [line.replaceAll(': ', ':')],
    'secret as key': [line.replace(/(\w+):/, `${s}:`)],
    'secret as value': [line.replace(/: .*/, `: ${s}`)],
    'secret as list': [line.replace(/: .*/, `: [${s}, ${s}]`)],
    'secret as mapping': [line.replace(/: .*/, `: { ${s}: ${s} }`)],
    'secret behind the value': [`${line} ${s}`],
    'secret on its own line': [line, s],
    'tab in front': [`\t${line}`],
    'open quote': [line.replace(/: /, ': "')],
    'open bracket': [line.replace(/: /, ': [')],
    'mistyped key': [line.replace(/(\w)(\w)(\w*):/, '$2$1$3:')],
    twice: [line, line],
    tag: [line.replace(/: /, ': !secret ')],
    alias: [line.replace(/: .*/, `: *${s}`)],
    'header with the secret': [
      line.replace('Authorization', `"Authorization: Bearer ${s}"`).replace('Bearer }', `Bearer ${s} }`),
    ],
    'template around the secret': [line.replaceAll(s, `\${${s}`)],
    'secret as a template name': [line.replaceAll(s, `"\${${s}}"`)],
  };
  lines.splice(index, 1, ...(damaged[how] ?? [line]));
  return lines.join('\n');
}

const ways = [
  'none',
  'no blank behind the colon',
  'mistyped key',
  'secret behind the value',
  'tab in front',
  'open quote',
  'open bracket',
  'twice',
  'tag',
  'header with the secret',
  'template around the secret',
];

/** Everything a failed (or successful) load can print. */
function printed(text: string, dotenv: string, env: Record<string, string>): string {
  const cwd = folderWith({ 'sallyport.yaml': text, '.env': dotenv });
  try {
    const { settings, warnings, provenance } = loadConfiguration({ file: 'sallyport.yaml', env, flags: {}, cwd });
    // A child's arguments and variables are its own; they are handed to it, not printed.
    const withoutChildren = { ...settings, mcps: [] };
    return JSON.stringify([withoutChildren, warnings, [...provenance]]);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) return `unexpected: ${(error as Error).stack}`;
    return `${error.stack}${error.message}${JSON.stringify(error.faults)}`;
  }
}

describe('a secret', () => {
  it.each(ways)('is never printed, however the file around it is damaged: %s', (how) => {
    fc.assert(
      fc.property(secret, fc.nat({ max: 26 }), (s, at) => {
        const text = damage(document(s), how, at, s);
        const output = printed(text, `AUTH_TOKEN=${s}x\n`, { TPL_TOKEN: `${s}y` });
        expect(output).not.toContain(s);
        expect(output).not.toContain('unexpected');
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    'auth',
    'upstream_auth',
    'token',
    'hash',
    'tokens',
    'methods',
    'header',
    'prefix',
    'type',
    'name',
    'env',
    'args',
    'roles',
  ])('is never printed when it stands in the place of %s', (key) => {
    fc.assert(
      fc.property(secret, fc.constantFrom('secret as value', 'secret as list', 'secret as mapping'), (s, how) => {
        const lines = document('ixohShu3Ohgh8aiN').split('\n');
        const at = lines.findIndex((line) => line.includes(`${key}:`));
        lines[at] = (lines[at] ?? '').replace(new RegExp(`${key}: .*`), `${key}: _`);
        const text = lines.join('\n').replace(`${key}: _`, damage(`${key}: x`, how, 0, s));
        expect(printed(text, '', { TPL_TOKEN: 'eeNgoh4Ahph8aeje' })).not.toContain(s);
      }),
      { numRuns: 30 },
    );
  });

  it('is never printed when only the environment holds it', () => {
    fc.assert(
      fc.property(
        secret,
        fc.constantFrom('AUTH_TOKEN', 'MCP_ADMIN_TOKEN', 'MCP_PROXY_ADMIN_TOKENS', 'AUTH_TOKN', 'PUBLIC'),
        (s, name) => {
          const text =
            'server: { public_url: "${PUBLIC}", port: "${PUBLIC}" }\nauth: { enabled: false }\nlog: { level: 5 }\n';
          expect(printed(text, '', { PUBLIC: s, [name]: s })).not.toContain(s);
          expect(printed('server: {}\n', `${name}="${s}\n`, {})).not.toContain(s);
          expect(printed('server: {}\n', `${name} ${s}\n${name}=${s}\n${name}=${s}1\n`, {})).not.toContain(s);
        },
      ),
      { numRuns: 60 },
    );
  });
});
