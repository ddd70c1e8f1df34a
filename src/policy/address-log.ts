import { forwardingHeaders } from '../http/request-headers.ts';
import type { Walked } from '../net/forwarded-walk.ts';
import type { Log } from '../telemetry/log.ts';
import type { Exchange } from './exchange.ts';

/** A line for every request whose address came, or may have come, through a proxy. For finding a fault, never left on. */
export function addressLog(log: Log): (x: Exchange, walked: Walked) => void {
  return (x, { end }) => {
    log.info('where a request comes from', {
      decision_id: x.id,
      peer: x.peer,
      ip: x.clientAddress,
      ips: x.forwardedFor,
      end,
      secure: x.isSecure,
      headers: forwardingHeaders(x.request.rawHeaders),
    });
  };
}
