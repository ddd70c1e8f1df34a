import { describe, expect, it } from 'vitest';
import { ChildSecrets } from './child-secrets.ts';

const settings = {
  env: { API_KEY: 'key-0123456789', MODE: 'fast' },
  env_allow: ['TOKEN', 'ABSENT'],
  args: ['server.js', '--password=hunter2-hunter2', 'positional-secret'],
};
const secrets = ChildSecrets.of(settings, { TOKEN: 'token-0123456789', OTHER: 'other-0123456789' });

describe('what a child prints', () => {
  it.each([
    'key-0123456789',
    'token-0123456789',
    'hunter2-hunter2',
    'positional-secret',
  ])('does not show the configured %s', (secret) =>
    expect(secrets.hide(`cannot log in with ${secret}!`)).toBe('cannot log in with [configured value]!'));

  it('is otherwise left as it is, short words too', () => {
    expect(secrets.hide('mode fast, other-0123456789')).toBe('mode fast, other-0123456789');
  });

  it('hides a value that holds another one whole', () => {
    expect(new ChildSecrets(['abcdefgh', 'abcdefgh-ijkl']).hide('abcdefgh-ijkl')).toBe('[configured value]');
  });
});
