import type { Exchange } from '../policy/exchange.ts';
import type { EndReason } from '../session/tickets.ts';
import type { Estate } from './services.ts';

/** What metrics call a stream: the answer to a POST, the GET stream of a session, or a modern subscription. */
export type StreamKind = 'response' | 'sse' | 'listen';

/** One stream in the audit record and the metrics: at its start, and at its end with bytes, duration and reason. */
export class StreamRecord {
  private readonly estate: Estate;
  private readonly exchange: Exchange;
  private readonly kind: StreamKind;
  private readonly startedAt = performance.now();
  private ended = false;

  constructor(estate: Estate, x: Exchange, kind: StreamKind) {
    this.estate = estate;
    this.exchange = x;
    this.kind = kind;
    estate.metrics.streamsOpen(kind, 1);
    estate.audit.note({ type: 'stream_start', ...this.fields() });
  }

  end(bytes: number, reason: EndReason | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.estate.metrics.streamsOpen(this.kind, -1);
    this.estate.audit.note({
      type: 'stream_end',
      ...this.fields(),
      bytes_out: bytes,
      duration_ms: performance.now() - this.startedAt,
      reason,
    });
  }

  private fields() {
    const x = this.exchange;
    return {
      decision_id: x.id,
      request_id: x.requestId,
      session_id: x.sessionKey,
      peer: x.peer,
      client: x.clientAddress,
      client_certificate: x.connection.certificate?.fingerprint,
      principal: x.principal?.id,
      principal_name: x.principal?.name,
      route: x.route.path,
      server: x.route.server,
      http_method: x.request.method,
    };
  }
}
