import type { PrincipalId } from '../identity/principal.ts';
import type { EndReason } from './tickets.ts';

/** What the table needs to know of a session; its streams and its lane are its owner's business. */
export interface SessionEntry {
  /** Visible ASCII, 128 bits or more of randomness (MCP 2025-11-25, transports "Session Management"). */
  readonly id: string;
  readonly principal: PrincipalId;
  readonly server: string;
  /** True while a call or a stream is open: such a session is never idle. */
  readonly busy: boolean;
  end(reason: EndReason): void;
}

export interface SessionSettings {
  readonly max: number;
  readonly max_per_principal: number;
  readonly idle_timeout_ms: number;
}

/** Why there is no room: for everybody, or for this principal. */
export type NoRoom = 'sessions.max' | 'sessions.max_per_principal';

/** Who is refused again and again must not make the table be searched each time. */
const SWEEP_PAUSE_MS = 1_000;

interface Row<S> {
  readonly session: S;
  lastUsed: number;
}

/**
 * The client-facing sessions, each bound to the principal and the server it was opened for.
 * A session id is never a credential: `find` answers only the principal the session belongs to, and to anybody else
 * exactly as if the session did not exist.
 */
export class SessionTable<S extends SessionEntry> {
  private readonly rows = new Map<string, Row<S>>();
  private readonly perPrincipal = new Map<PrincipalId, number>();
  private readonly settings: SessionSettings;
  private readonly now: () => number;
  private sweptAt = Number.NEGATIVE_INFINITY;

  constructor(settings: SessionSettings, now: () => number = Date.now) {
    this.settings = settings;
    this.now = now;
  }

  get size(): number {
    return this.rows.size;
  }

  /**
   * Whether one more session may be opened for the principal; undefined when it may. Sessions whose time is over are
   * ended first, where they are in the way.
   */
  noRoomFor(principal: PrincipalId): NoRoom | undefined {
    const full = this.fullFor(principal);
    if (full === undefined || this.now() - this.sweptAt < SWEEP_PAUSE_MS || this.sweep() === 0) return full;
    return this.fullFor(principal);
  }

  private fullFor(principal: PrincipalId): NoRoom | undefined {
    if (this.rows.size >= this.settings.max) return 'sessions.max';
    const held = this.perPrincipal.get(principal) ?? 0;
    return held >= this.settings.max_per_principal ? 'sessions.max_per_principal' : undefined;
  }

  add(session: S): void {
    this.rows.set(session.id, { session, lastUsed: this.now() });
    this.perPrincipal.set(session.principal, (this.perPrincipal.get(session.principal) ?? 0) + 1);
  }

  /**
   * The session, if it exists and belongs to this principal and server; its idle clock starts again. One whose time is over
   * is ended instead, for the next sweep may be as far off as that time is long.
   */
  find(id: string, principal: PrincipalId, server: string): S | undefined {
    const row = this.rows.get(id);
    if (row === undefined || row.session.principal !== principal || row.session.server !== server) return undefined;
    const now = this.now();
    if (!row.session.busy && this.isOver(row, now)) {
      this.remove(id);
      row.session.end('session-idle');
      return undefined;
    }
    row.lastUsed = now;
    return row.session;
  }

  /** Nothing keeps the session busy any more: its idle clock starts now. */
  rests({ id }: S): void {
    const row = this.rows.get(id);
    if (row !== undefined) row.lastUsed = this.now();
  }

  private isOver(row: Row<S>, now: number): boolean {
    return now - row.lastUsed >= this.settings.idle_timeout_ms;
  }

  /** Forgets the session. Whoever removes it ends it. */
  remove(id: string): boolean {
    const row = this.rows.get(id);
    if (row === undefined) return false;
    this.rows.delete(id);
    const left = (this.perPrincipal.get(row.session.principal) ?? 1) - 1;
    if (left === 0) this.perPrincipal.delete(row.session.principal);
    else this.perPrincipal.set(row.session.principal, left);
    return true;
  }

  /** Ends the sessions the filter gives a reason for. @returns how many */
  endWhere(filter: (session: S) => EndReason | undefined): number {
    let ended = 0;
    for (const { session } of [...this.rows.values()]) {
      const reason = filter(session);
      if (reason === undefined || !this.remove(session.id)) continue;
      ended += 1;
      session.end(reason);
    }
    return ended;
  }

  /** Those open now. */
  sessions(): S[] {
    return [...this.rows.values()].map(({ session }) => session);
  }

  /** Ends sessions that nobody has used for the idle time; it begins when they are no longer busy. Called now and then by the owner. */
  sweep(): number {
    const now = this.now();
    this.sweptAt = now;
    return this.endWhere((session) => {
      const row = this.rows.get(session.id);
      if (row === undefined) return undefined;
      if (session.busy) row.lastUsed = now;
      return this.isOver(row, now) ? 'session-idle' : undefined;
    });
  }
}
