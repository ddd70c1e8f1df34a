import { stat } from 'node:fs/promises';
import type { Audit } from './audit/audit.ts';
import type { Settings } from './config/settings.ts';
import { compileTls, filesOf, type ListenerTlsSettings, type TlsAcceptor } from './http/tls-acceptor.ts';
import { TlsStage } from './http/tls-stage.ts';
import type { Component } from './lifecycle.ts';
import type { Log } from './telemetry/log.ts';

/** The listeners TLS may end at, by the setting that describes them. */
export type TlsPlace = 'server' | 'admin';

/**
 * How often the files are looked at. They are asked for their state, not watched: a watch on a file follows neither the
 * rename of an ACME client nor the swapped link of a mounted secret, and is silent on network file systems.
 */
const LOOK_MS = 200;

/** Where clients look for a listener; of the admin listener nobody has said. */
export function publicUrlOf(place: TlsPlace, { server }: Settings): string | undefined {
  return place === 'server' ? server.public_url : undefined;
}

interface Kept {
  readonly place: TlsPlace;
  readonly stage: TlsStage;
  settings: ListenerTlsSettings;
  publicUrl: string | undefined;
  /** The state of the files at the last look, and at the last load. */
  seen: string;
  loaded: string;
}

/** Keeps the certificates of the listeners up to date. What cannot be used never takes the place of what works. */
export class CertificateKeeper {
  private readonly log: Log;
  private readonly audit: Audit;
  private readonly onClients: () => void;
  private readonly kept: Kept[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** @param onClients called when certificates of clients that were good may not be any more */
  constructor({ log, audit }: { readonly log: Log; readonly audit: Audit }, onClients: () => void) {
    this.onClients = onClients;
    this.log = log;
    this.audit = audit;
  }

  /**
   * The handshakes of one listener; undefined where TLS does not end there.
   * @throws TlsFileError
   */
  open(place: TlsPlace, settings: ListenerTlsSettings | undefined, publicUrl?: string): TlsStage | undefined {
    if (settings === undefined) return undefined;
    const acceptor = compileTls(settings, `${place}.tls`, publicUrl);
    this.warn(acceptor);
    const stage = new TlsStage(acceptor);
    this.kept.push({ place, stage, settings, publicUrl, seen: '', loaded: '' });
    return stage;
  }

  /**
   * Loads what another configuration names.
   * @returns what puts it in force
   * @throws TlsFileError when something cannot be used; nothing has changed then
   */
  prepare(settings: Settings): () => void {
    const ready = this.kept.flatMap((kept) => {
      const { tls } = settings[kept.place];
      const publicUrl = publicUrlOf(kept.place, settings);
      return tls === undefined ? [] : [{ kept, tls, publicUrl, acceptor: this.compile(kept.place, tls, publicUrl) }];
    });
    return () => {
      for (const { kept, tls, publicUrl, acceptor } of ready) {
        kept.settings = tls;
        kept.publicUrl = publicUrl;
        this.use(kept, acceptor);
      }
    };
  }

  component(): Component {
    return {
      name: 'certificates',
      start: async () => {
        if (this.kept.length === 0) return;
        for (const kept of this.kept) kept.seen = kept.loaded = await stateOf(kept.settings);
        this.look();
      },
      stop: async () => {
        clearTimeout(this.timer);
        this.timer = undefined;
        for (const { stage } of this.kept) stage.stop();
      },
    };
  }

  private look(): void {
    this.timer = setTimeout(() => {
      void Promise.all(this.kept.map((kept) => this.lookAt(kept))).then(() => {
        if (this.timer !== undefined) this.look();
      });
    }, LOOK_MS).unref();
  }

  /** Loads files that changed, once they stand still: a certificate and its key are two files, written one after the other. */
  private async lookAt(kept: Kept): Promise<void> {
    if (!kept.settings.watch) return;
    const state = await stateOf(kept.settings);
    const isStill = state === kept.seen;
    kept.seen = state;
    if (!isStill || state === kept.loaded) return;
    kept.loaded = state;
    try {
      this.use(kept, this.compile(kept.place, kept.settings, kept.publicUrl));
    } catch {
      // In the log and in the record already.
    }
  }

  private compile(place: TlsPlace, settings: ListenerTlsSettings, publicUrl: string | undefined): TlsAcceptor {
    try {
      return compileTls(settings, `${place}.tls`, publicUrl);
    } catch (error) {
      const reason = (error as Error).message;
      this.log.error('the certificates were not loaded; the old ones stay in force', { error: reason });
      this.audit.note({ type: 'lifecycle', rule: `${place}.tls`, detail: `certificates not loaded: ${reason}` });
      throw error;
    }
  }

  private use(kept: Kept, acceptor: TlsAcceptor): void {
    if (acceptor.digest === kept.stage.digest) return;
    const { terms } = kept.stage;
    kept.stage.use(acceptor);
    if (kept.stage.terms !== terms) this.onClients();
    this.warn(acceptor);
    this.log.info('certificates loaded', { setting: `${kept.place}.tls`, certificates: acceptor.shown });
    this.audit.note({ type: 'lifecycle', rule: `${kept.place}.tls`, detail: `certificates loaded: ${acceptor.shown}` });
  }

  private warn({ doubts }: TlsAcceptor): void {
    for (const doubt of doubts) this.log.warn(doubt);
  }
}

/** Differs when a file, or what a link to it leads to, is another one or has been written to. */
async function stateOf(settings: ListenerTlsSettings): Promise<string> {
  const states = filesOf(settings).map((file) =>
    stat(file).then(
      ({ dev, ino, size, mtimeMs, ctimeMs }) => `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`,
      (error: NodeJS.ErrnoException) => String(error.code),
    ),
  );
  return (await Promise.all(states)).join(' ');
}
