import type { ServerResponse } from 'node:http';
import { jsonResponse, send } from '../http/outbound-response.ts';
import { explainWalk } from '../perimeter/explain.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { Plane } from './services.ts';

/**
 * GET /client-address: who the caller was taken for and why. Nothing but what this very request brought, its own forwarding
 * headers among it: never a list, a note or another caller.
 */
export function clientEcho({ perimeter }: Plane, x: Exchange, response: ServerResponse): void {
  const { walk, end, limit_key, hints } = explainWalk(x, perimeter);
  const allowed = x.client === undefined ? undefined : perimeter.network.gateway.peek(x.client).allowed;
  const answer = {
    peer: x.peer,
    client: x.client?.text ?? null,
    ips: x.forwardedFor,
    localhost: x.isLocalhost,
    secure: x.isSecure,
    walk,
    end,
    rule: allowed === undefined ? null : { place: allowed.place, cidr: allowed.cidr.text },
    limit_key,
    hints,
  };
  send(response, jsonResponse(200, answer), x.responseHeaders, false);
}
