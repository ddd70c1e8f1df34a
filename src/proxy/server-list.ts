import type { ServerResponse } from 'node:http';
import { jsonResponse, send } from '../http/outbound-response.ts';
import type { Exchange } from '../policy/exchange.ts';
import { serversFor } from '../policy/route-access.ts';
import type { Generation } from './services.ts';

/** GET /mcp/servers and GET /api/v1/mcp/list: the servers this caller may see and come to, and where each is. */
export function serverList(rules: Generation, x: Exchange, response: ServerResponse): void {
  const visible = serversFor(x, rules, [...rules.servers.keys()]);
  const servers = visible.flatMap((id) => {
    const plan = rules.servers.get(id);
    if (plan === undefined) return [];
    return [
      {
        id,
        ...(plan.description === undefined ? {} : { description: plan.description }),
        transport: plan.transport,
        path: `/mcp/${id}`,
        running: plan.upstream.health().state === 'up',
      },
    ];
  });
  send(response, jsonResponse(200, { servers }), x.responseHeaders, false);
}
