import { describe, expect, it } from 'vitest';
import { callOf, principalOf } from '../../test/support/judged.ts';
import { compileAuthorizer } from '../access/authorizer.ts';
import { META_CLIENT_CAPABILITIES } from '../protocol/classify.ts';
import { TASKS_EXTENSION } from '../protocol/extensions.ts';
import { authorize } from './authorize.ts';
import { ModernFacts } from './call.ts';
import { taskAccess } from './task-access.ts';

const TASK = { id: 't-1', tool: 'export' };
const authorizer = compileAuthorizer([{ id: 'crm' }, { id: 'closed', tools: { deny: ['export'] } }]);
const step = taskAccess(authorizer, { open: (_server, _principal, handle) => (handle === 'h' ? TASK : undefined) });

interface Facts {
  readonly taskId?: unknown;
  readonly mcpName?: string | undefined;
  readonly server?: string;
  readonly extensions?: object;
  readonly legacy?: boolean;
}

function ask({ taskId = 'h', mcpName = 'h', server = 'crm', extensions, legacy = false }: Facts = {}) {
  const capabilities = { extensions: extensions ?? { [TASKS_EXTENSION]: {} } };
  const modern = new ModernFacts({ mcpMethod: 'tasks/get', mcpName, params: [] });
  const call = callOf({
    method: 'tasks/get',
    params: { taskId, _meta: { [META_CLIENT_CAPABILITIES]: capabilities } },
    name: typeof taskId === 'string' ? taskId : undefined,
    server,
    principal: principalOf(),
    modern: legacy ? undefined : modern,
  });
  return { call, modern, verdict: step.evaluate(call) };
}

describe('a question about a task', () => {
  it('passes for its own caller, and knows then what to ask the server', () => {
    const { verdict, modern } = ask();
    expect(verdict).toMatchObject({ pass: 'task-access.own' });
    expect(modern.task).toBe(TASK);
  });

  it('is answered alike for a task that is not theirs and one whose tool they lost', () => {
    const unknown = { deny: { code: 'UNKNOWN_TASK', rpcCode: -32602, status: 200 } };
    const none = ask({ taskId: 'x', mcpName: 'x' });
    const lost = ask({ server: 'closed' });
    expect(none.verdict).toMatchObject({ ...unknown, reason: 'task.unknown' });
    expect(lost.verdict).toMatchObject({ ...unknown, reason: 'tool.not-served' });
    expect(none.modern.task ?? lost.modern.task).toBeUndefined();
  });

  it('needs the extension declared, and headers that agree', () => {
    expect(ask({ extensions: {} }).verdict).toMatchObject({ deny: { rpcCode: -32021, status: 400 } });
    expect(ask({ mcpName: 'x' }).verdict).toMatchObject({ deny: { rpcCode: -32020 } });
    expect(ask({ taskId: 7 }).verdict).toMatchObject({ deny: { rpcCode: -32020 } });
  });

  it('is none of its business on the older revisions', () => {
    expect(ask({ legacy: true, taskId: 'x' }).verdict).toMatchObject({ pass: 'task-access.none' });
  });

  it('is a method only where the extension is allowed', () => {
    const gate = authorize(authorizer, new Map([['crm', new Set(['tasks/get'])]]));
    expect(gate.evaluate(ask().call)).toHaveProperty('pass');
    expect(gate.evaluate(ask({ server: 'closed' }).call)).toMatchObject({ deny: { status: 404, rpcCode: -32601 } });
  });
});
