import type { ServerResponse } from 'node:http';
import { jsonResponse, send } from '../http/outbound-response.ts';
import type { Principal } from '../identity/principal.ts';
import type { Exchange } from '../policy/exchange.ts';
import type { Generation } from './services.ts';

/** GET /mcp/servers and GET /api/v1/mcp/list: the servers this caller may see, and where each is. */
export function serverList(rules: Generation, x: Exchange, response: ServerResponse): void {
  const visible = rules.authorizer.visibleServers(x.principal as Principal, [...rules.servers.keys()]);
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
