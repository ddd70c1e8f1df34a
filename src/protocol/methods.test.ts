import { describe, expect, it } from 'vitest';
import { CAPABILITY_OF_SERVER_REQUEST, METHODS, NAME_PARAMETER } from './methods.ts';
import { LEGACY_REVISIONS, REVISIONS } from './revisions.ts';

const modern = METHODS['2026-07-28'];

describe('the modern era', () => {
  it('has no session, no ping, no subscription by resource and no request of a server', () => {
    for (const gone of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) {
      expect(modern.clientRequests.has(gone)).toBe(false);
    }
    expect(modern.clientNotifications.has('notifications/initialized')).toBe(false);
    expect(modern.serverRequests.size).toBe(0);
    expect([...modern.clientNotifications]).toEqual(['notifications/cancelled']);
  });

  it('has discovery and one subscription for everything', () => {
    expect(modern.clientRequests.has('server/discover')).toBe(true);
    expect(modern.clientRequests.has('subscriptions/listen')).toBe(true);
    expect(modern.serverNotifications.has('notifications/subscriptions/acknowledged')).toBe(true);
  });
});

describe('the older era', () => {
  it.each(LEGACY_REVISIONS)('%s opens with initialize and lets a server ask for sampling and roots', (revision) => {
    const table = METHODS[revision];
    expect(table.clientRequests.has('initialize')).toBe(true);
    expect(table.clientRequests.has('server/discover')).toBe(false);
    expect(table.serverRequests.has('sampling/createMessage')).toBe(true);
    expect(table.serverRequests.has('roots/list')).toBe(true);
  });

  it('has elicitation from 2025-06-18 and tasks from 2025-11-25 on', () => {
    expect(METHODS['2025-03-26'].serverRequests.has('elicitation/create')).toBe(false);
    expect(METHODS['2025-06-18'].serverRequests.has('elicitation/create')).toBe(true);
    expect(METHODS['2025-06-18'].clientRequests.has('tasks/get')).toBe(false);
    expect(METHODS['2025-11-25'].clientRequests.has('tasks/get')).toBe(true);
  });
});

describe('every revision', () => {
  it.each(REVISIONS)('%s serves tools, prompts, resources and completion', (revision) => {
    for (const method of ['tools/list', 'tools/call', 'prompts/get', 'resources/read', 'completion/complete']) {
      expect(METHODS[revision].clientRequests.has(method)).toBe(true);
    }
  });

  it.each(REVISIONS)('%s keeps requests and notifications apart', (revision) => {
    const { clientRequests, serverRequests, clientNotifications, serverNotifications } = METHODS[revision];
    for (const method of [...clientRequests, ...serverRequests]) expect(method).not.toMatch(/^notifications\//);
    for (const method of [...clientNotifications, ...serverNotifications]) expect(method).toMatch(/^notifications\//);
  });
});

describe('what a server may ask', () => {
  it('needs a capability the client declared, except for a ping', () => {
    const asked = new Set(REVISIONS.flatMap((revision) => [...METHODS[revision].serverRequests]));
    asked.delete('ping');
    expect([...asked].filter((method) => !CAPABILITY_OF_SERVER_REQUEST.has(method))).toEqual([]);
  });
});

describe('what a call names', () => {
  it.each([
    ['tools/call', 'name'],
    ['prompts/get', 'name'],
    ['resources/read', 'uri'],
    ['tasks/get', 'taskId'],
  ] as const)('%s: %s', (method, parameter) => {
    expect(NAME_PARAMETER.get(method)).toBe(parameter);
  });

  it('is nothing for a list', () => {
    expect(NAME_PARAMETER.get('tools/list')).toBeUndefined();
  });
});
