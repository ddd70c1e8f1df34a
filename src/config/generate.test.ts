import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { load } from '../../test/fixtures/config/folder.ts';
import { ENVIRONMENT } from './environment.ts';
import { FLAGS } from './flags.ts';
import { generated } from './generate.ts';
import { jsonSchema } from './json-schema.ts';
import { OUTLINE, SETTINGS } from './outline.ts';
import { TOKEN_VARIABLES } from './schema/auth.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const content = (end: string): string => [...generated()].find(([path]) => path.endsWith(end))?.[1] ?? '';

describe('generated files', () => {
  it.each([...generated().keys()])('%s is up to date (npm run generate)', (path) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(generated().get(path));
  });
});

describe('the annotated example', () => {
  it('loads as it stands, without faults and warnings', () => {
    const { settings, warnings } = load(content('.yaml'));
    expect(settings.mcps.map(({ id }) => id)).toEqual(['everything', 'search', 'old-search']);
    expect(warnings).toEqual([]);
  });

  it('loads with every line that is switched off switched on', () => {
    const hash = /^ +hash: .*\n/m;
    const text = content('.yaml')
      .replaceAll(/^( *)# (\w+:(?: .*)?)$/gm, (line, indent: string, rest: string) =>
        /^\w+: [A-Z]/.test(rest) ? line : `${indent}${rest}`,
      )
      .replaceAll(/^( *)# {3}(\w+: .*)$/gm, '$1  $2')
      .replace(hash, '');
    const env = { CI_TOKEN: 'ixohShu3Ohgh8aiN', SEARCH_TOKEN: 'x', SEARCH_CLIENTS_TOKEN: 'eeNgoh4Ahph8aeje' };
    const { settings } = load(text, { env });
    expect(settings.mcps[1]).toMatchObject({ upstream_auth: { type: 'token', prefix: 'Bearer' } });
    expect(settings.server.public_url).toBe('https://mcp.example.com');
  });

  it('names every key', () => {
    for (const { keys } of SETTINGS) expect(content('.yaml')).toMatch(new RegExp(`\\b${keys.at(-1)}:`));
  });
});

describe('the reference', () => {
  it('names every setting, environment name and flag', () => {
    for (const { path } of SETTINGS) expect(content('.md')).toContain(`\`${path}\``);
    for (const name of ENVIRONMENT.keys()) expect(content('.md')).toContain(`\`${name}\``);
    for (const { name } of TOKEN_VARIABLES) expect(content('.md')).toContain(`\`${name}\``);
    for (const { notation } of FLAGS) expect(content('.md')).toContain(`\`${notation}\``);
  });

  it('has a sentence for every setting', () => {
    const bare: string[] = [];
    const walk = (entry: typeof OUTLINE, path: string): void => {
      for (const [key, child] of entry.children) {
        if (child.about?.description === undefined) bare.push(`${path}.${key}`);
        walk(child, `${path}.${key}`);
      }
      for (const option of entry.options) walk(option, path);
      if (entry.item !== undefined) walk(entry.item, `${path}[]`);
    };
    walk(OUTLINE, '');
    expect(bare).toEqual([]);
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv2020({ strict: false }).compile(jsonSchema());

  it('accepts the example, and templates where numbers and patterns stand', () => {
    expect(validate(parse(content('.yaml')))).toBe(true);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the configuration
    expect(validate({ server: { port: '${PORT}' }, auth: { enabled: '{{ .env.A }}' }, log: { level: '${L}' } })).toBe(
      true,
    );
  });

  it.each([
    [{ server: { prot: 1 } }],
    [{ server: { port: '80a' } }],
    [{ server: { port: 70000 } }],
    [{ mcps: [{ id: 'a', transport: 'stdio' }] }],
    [{ mcps: [{ id: 'a', transport: 'stdio', command: 'x', url: 'http://x' }] }],
    [{ log: { level: 'loud' } }],
  ])('refuses %j', (value) => {
    expect(validate(value)).toBe(false);
  });

  it('carries no metadata of ours', () => {
    expect(JSON.stringify(jsonSchema())).not.toMatch(/"(aliases|flag|fallback|secret|guarded|expected|shown)":/);
  });
});
