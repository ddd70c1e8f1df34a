import { describe, expect, it } from 'vitest';
import { childEnvironment } from './child-environment.ts';

const own = {
  PATH: '/opt/bin',
  HOME: '/home/ada',
  LC_ALL: 'C.UTF-8',
  AUTH_TOKEN: 'secret',
  NODE_OPTIONS: '--inspect',
  SHELL: '/bin/sh',
  GITHUB_TOKEN: 'ghp',
  LANG: '() { :; }; id',
};

describe('childEnvironment', () => {
  it('gives a child what every program needs and none of the secrets of the gateway', () => {
    expect(childEnvironment({ env: {}, env_allow: [] }, own)).toEqual({
      PATH: '/opt/bin',
      HOME: '/home/ada',
      LC_ALL: 'C.UTF-8',
    });
  });

  it('adds what the settings name, and lets the settings win', () => {
    const child = childEnvironment({ env: { HOME: '/srv', MODE: 'x' }, env_allow: ['GITHUB_TOKEN', 'ABSENT'] }, own);
    expect(child).toEqual({ PATH: '/opt/bin', HOME: '/srv', LC_ALL: 'C.UTF-8', GITHUB_TOKEN: 'ghp', MODE: 'x' });
  });

  it('has a PATH even where the gateway has none', () => {
    expect(childEnvironment({ env: {}, env_allow: [] }, {}).PATH).toContain('/usr/bin');
  });
});
