// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the signs are what is tested
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultsOf, folderWith, load } from '../../test/fixtures/config/folder.ts';
import { expand } from './template.ts';

const known: Record<string, string> = { A: 'one', B: '${A} {{ .env.A }}', N: '5' };
const lookup = (name: string) =>
  known[name] === undefined ? { problem: `${name} is not set` } : { value: known[name] };

describe('a template', () => {
  it.each([
    ['${A}', 'one'],
    ['{{ .env.A }}', 'one'],
    ['{{.env.A}}', 'one'],
    ['x-${A}-{{ .env.N }}', 'x-one-5'],
    ['$${A}', '${A}'],
    ['{{ "{{" }} .env.A {{ "}}" }}', '{{ .env.A }}'],
    ['$A costs 5$ {} }}', '$A costs 5$ {} }}'],
    ['${B}', '${A} {{ .env.A }}'],
  ])('%s becomes %s', (text, result) => {
    expect(expand(text, lookup)).toMatchObject({ text: result, problems: [], malformed: false });
  });

  it.each([
    '${}',
    '${A',
    '${A:-x}',
    '${a b}',
    '{{ A }}',
    '{{ .Env.A }}',
    '{{ env.A }}',
    '{{ .env.A',
  ])('%s is malformed', (text) => {
    expect(expand(text, lookup).malformed).toBe(true);
  });

  it.each(['${MISSING}', '{{ .env.MISSING }}'])('%s stands for nothing', (text) => {
    expect(expand(text, lookup)).toMatchObject({ problems: ['MISSING is not set'], malformed: false });
  });

  it('is never expanded twice, whatever a variable holds', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(expand('<${A}>', () => ({ value })).text).toBe(`<${value}>`);
      }),
    );
  });
});

describe('a template in a file', () => {
  it('that is misspelt is refused, not taken for a secret', () => {
    const text = 'auth: { methods: [{ type: token, tokens: [{ name: a, token: "{{ env.A_LONG_TOKEN_NAME }}" }] }] }\n';
    expect(faultsOf(text)).toMatchObject([{ code: 'syntax', path: 'auth.methods[0].tokens[0].token' }]);
  });

  const file = (value: string) => `log: { level: info }\nserver:\n  public_url: ${value}\n`;

  it.each([
    ['unset', {}, 'the variable PUBLIC is not set'],
    ['empty', { PUBLIC: '' }, 'the variable PUBLIC is empty'],
  ])('is refused with variable, file and line when %s', (_, env, problem) => {
    const [fault, ...others] = faultsOf(file('"${PUBLIC}"'), { env });
    expect(others).toEqual([]);
    expect(fault).toMatchObject({
      code: 'unset-variable',
      source: 'sallyport.yaml',
      line: 3,
      path: 'server.public_url',
      problem,
    });
  });

  it('takes the environment before .env', () => {
    const url = (env: object) =>
      load(file('"https://${PUBLIC}"'), { env: { ...env }, dotenv: 'PUBLIC=a.example\n' }).settings.server.public_url;
    expect(url({})).toBe('https://a.example');
    expect(url({ PUBLIC: 'b.example' })).toBe('https://b.example');
  });

  it('becomes a number or a boolean where the setting is one, and stays text elsewhere', () => {
    const text =
      'server: { port: "${N}" }\nauth: { enabled: "{{ .env.B }}" }\nmcps: [{ id: a, transport: stdio, command: x, env: { V: "${N}" } }]\n';
    const { settings } = load(text, { env: { N: '4000', B: 'yes' } });
    expect([settings.server.port, settings.auth.enabled]).toEqual([4000, true]);
    expect(settings.mcps[0]).toMatchObject({ env: { V: '4000' } });
    expect(faultsOf(text, { env: { N: '80a', B: 'yes' } })).toMatchObject([{ path: 'server.port', value: '"${N}"' }]);
  });

  it.each([
    'a\nb: c',
    '"',
    "'",
    '- x',
    '{ a: b }',
    '[1]',
    '!!js/function "x"',
    '*a',
    '__proto__',
    '${HOME}',
    '# x',
  ])('keeps %j one value: nothing is read as structure', (value) => {
    const text =
      'mcps:\n  - id: a\n    transport: stdio\n    command: node\n    env: { V: "${V}" }\n    args: ["{{ .env.V }}"]\n';
    expect(load(text, { env: { V: value } }).settings.mcps).toMatchObject([{ env: { V: value }, args: [value] }]);
  });

  it('reads a secret from the file NAME_FILE names, without its closing newline', () => {
    const upstream =
      'mcps: [{ id: a, transport: streamable-http, url: "http://x.example", upstream_auth: { type: token, token: "${KEY}" } }]\n';
    const cwd = folderWith({ 'sallyport.yaml': upstream, 'run/key': 'from a file\n', 'run/empty': '\n' });
    const [entry] = load(undefined, { cwd, env: { KEY_FILE: 'run/key' } }).settings.mcps;
    expect(entry?.transport === 'streamable-http' && entry.upstream_auth?.token.reveal()).toBe('from a file');
    const problems = (env: Record<string, string>) => faultsOf(undefined, { cwd, env }).map(({ problem }) => problem);
    expect(problems({ KEY_FILE: 'run/none' })).toEqual(['the file that KEY_FILE names does not exist']);
    expect(problems({ KEY_FILE: 'run/empty' })).toEqual(['the variable KEY is empty']);
    expect(problems({ KEY_FILE: 'run/key', KEY: 'x' })).toEqual(['KEY and KEY_FILE are both set']);
  });
});
