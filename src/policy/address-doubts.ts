import type { Audit } from '../audit/audit.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { addressLog } from './address-log.ts';
import type { AddressDoubt, ClientAddressPorts } from './client-address.ts';
import type { Exchange } from './exchange.ts';

/** One kind of doubt about one address, in a window: recorded this often. */
const ROWS_PER_ADDRESS = 3;
/** All kinds and addresses together: many addresses cannot fill the disk. */
const ROWS = 60;
const WINDOW_MS = 60_000;

const WORDS: Readonly<Record<AddressDoubt, string>> = {
  'forwarded.untrusted-peer':
    'forwarding headers from a peer that is not trusted were ignored: it forges them, or it is a proxy that server.trust_proxy does not name',
  'forwarded.contradiction':
    'a trusted proxy passed on an X-Real-IP that its chain does not hold: one of the two came from the client',
  'forwarded.unparsable':
    'a trusted proxy passed on what is no chain of addresses: the last hop that can be read counts as the client',
};

export interface DoubtParts {
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How an address is written in the log. */
  readonly show: (address: string) => string;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** Tells the operator of forged and misconfigured forwarding headers: all are counted, a few a minute recorded and logged. */
export class AddressDoubts {
  readonly #parts: DoubtParts;
  readonly #told = new Map<string, number>();
  #rows = 0;
  #untold = 0;
  #windowEnds = 0;

  constructor(parts: DoubtParts) {
    this.#parts = parts;
  }

  /** What the step that resolves addresses tells. @param settings `log` of the configuration in force */
  ports({ addresses, level }: { readonly addresses: boolean; readonly level: string }): ClientAddressPorts {
    const shown = addresses || level === 'debug' || level === 'trace';
    return { doubts: this, explain: shown ? addressLog(this.#parts.log) : undefined };
  }

  doubt(kind: AddressDoubt, x: Exchange): void {
    const { audit, metrics, log, show, now } = this.#parts;
    metrics.verdict('client-address', kind, 'allow');
    const time = now();
    if (time >= this.#windowEnds) this.#open(time);
    const key = `${kind}\n${x.peer}`;
    const told = this.#told.get(key) ?? 0;
    if (told === ROWS_PER_ADDRESS || this.#rows === ROWS) {
      this.#untold += 1;
      return;
    }
    this.#told.set(key, told + 1);
    this.#rows += 1;
    audit.note({
      type: 'notice',
      decision_id: x.id,
      request_id: x.requestId || x.id,
      peer: x.peer,
      client: x.clientAddress || undefined,
      route: x.route.path,
      http_method: x.request.method,
      policy: 'client-address',
      reason: kind,
      detail: WORDS[kind],
    });
    log.warn(WORDS[kind], { peer: show(x.peer), client: show(x.clientAddress), decision_id: x.id });
  }

  #open(time: number): void {
    if (this.#untold > 0) {
      const detail = 'notices of the last window that were not recorded one by one';
      this.#parts.audit.note({ type: 'notice', policy: 'client-address', count: this.#untold, detail });
    }
    this.#told.clear();
    this.#rows = 0;
    this.#untold = 0;
    this.#windowEnds = time + WINDOW_MS;
  }
}
