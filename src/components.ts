import type { Audit } from './audit/audit.ts';
import type { Listener } from './http/listener.ts';
import type { TokenRegistry } from './identity/token-registry.ts';
import type { Component } from './lifecycle.ts';
import { closeParts } from './parts.ts';
import type { AddressBook } from './perimeter/address-book.ts';
import type { LegacySession } from './proxy/legacy-session.ts';
import type { Estate, Generation } from './proxy/services.ts';
import { EndedEntries, endDenied } from './reload.ts';
import type { Storage } from './storage/storage.ts';

const SWEEP_MS = 15_000;
/** How soon after a change of the address book what it denies is ended. */
const END_DENIED_MS = 50;

export interface RecordParts {
  readonly audit: Audit;
  readonly registry: TokenRegistry;
  readonly book: AddressBook;
  readonly storage: Storage;
  readonly version: string;
}

/** Started first, stopped last: what is recorded about everything else must still be written. */
export function recordComponent({ audit, registry, book, storage, version }: RecordParts): Component {
  return {
    name: 'record',
    start: async () => {
      audit.note({ type: 'lifecycle', detail: `gateway ${version} started, pid ${process.pid}` });
    },
    stop: async () => {
      audit.note({ type: 'lifecycle', detail: 'gateway stopped' });
      await closeParts({ audit, registry, book, storage });
    },
  };
}

/** What is under way. Stopping ends streams at once, lets calls finish within the deadline, and then tells them. */
export function callComponent(
  estate: Estate,
  { registry, book }: Pick<RecordParts, 'registry' | 'book'>,
  idleMs: number,
  rules: () => Generation,
): Component {
  const { keepAlive, replay, sessions, tickets } = estate;
  let sweep: NodeJS.Timeout | undefined;
  const ended = new EndedEntries();
  let forget: (() => void) | undefined;
  let unheard: (() => void) | undefined;
  let ending: NodeJS.Timeout | undefined;
  return {
    name: 'calls',
    start: async () => {
      keepAlive.start();
      const look = (): void => {
        sessions.sweep();
        replay.sweep();
        ended.look(estate, rules());
      };
      sweep = setInterval(look, Math.min(SWEEP_MS, idleMs)).unref();
      // Many bans at once cost one walk over what is open.
      unheard = book.onChange(() => {
        ending ??= setTimeout(() => {
          ending = undefined;
          endDenied(estate, rules());
        }, END_DENIED_MS).unref();
      });
      forget = registry.onEnded((principal, reason) => {
        tickets.rejudge((ticket) => (ticket.holder === principal ? reason : undefined));
        // A session is the principal's, not the credential's: it goes on under another one, such as a rotated token's new secret.
        const accepted = (session: LegacySession) => rules().stillAccepts(session.principal, session.server);
        sessions.endWhere((session) => (session.principal === principal && !accepted(session) ? reason : undefined));
      });
    },
    stop: async (deadline) => {
      tickets.rejudge((ticket) => (ticket.kind === 'stream' ? 'shutdown' : undefined));
      await tickets.whenNone(() => true, deadline);
      tickets.rejudge(() => 'shutdown');
      sessions.endWhere(() => 'shutdown');
      keepAlive.stop();
      clearInterval(sweep);
      clearTimeout(ending);
      unheard?.();
      forget?.();
    },
  };
}

/** Started before, and so stopped after, the calls: a connection ends when its last answer is out. */
export function connectionComponent(listeners: readonly Listener[]): Component {
  return { name: 'connections', start: async () => {}, stop: (deadline) => stopAll(listeners, deadline) };
}

/** Started last, when there is something to serve; stopped first, by accepting nothing new. */
export function listenerComponent(listeners: readonly Listener[], draining: () => void): Component {
  return {
    name: 'listeners',
    start: async () => {
      try {
        for (const listener of listeners) await listener.start();
      } catch (error) {
        await stopAll(listeners, AbortSignal.abort());
        throw error;
      }
    },
    stop: async () => {
      draining();
      for (const listener of listeners) listener.drain();
    },
  };
}

async function stopAll(listeners: readonly Listener[], deadline: AbortSignal): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.stop(deadline)));
}
