import type { Rule } from './rule.ts';

const idleAddress: Rule = (draft, report) => {
  const { server } = draft;
  if (server?.socket === undefined) return;
  for (const name of ['host', 'port'] as const) {
    if (server[name] === undefined) continue;
    report(['server', name], 'has no effect while server.socket is set', 'Remove one of the two.');
  }
};

export const CONNECTION_DOUBTS: readonly Rule[] = [idleAddress];
