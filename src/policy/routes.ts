import { ChunkWatch } from '../http/chunk-framing.ts';
import { framingFault } from '../http/framing.ts';
import { isPreflight } from '../http/preflight.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { type Denial, pass, refuse } from './verdict.ts';

export interface RouteSettings {
  /** More header lines than this are refused, never silently cut. */
  readonly headerCount: number;
}

/**
 * What is refused here where it is not the request as a whole that is malformed. Targets and upgrades have reasons of their own
 * too: any web page can have a browser send those, and what counts towards a ban must be nothing of the kind.
 */
const REASONS: ReadonlyMap<Problem, string> = new Map<Problem, string>([
  [PROBLEMS.HEADERS_TOO_LARGE, 'headers.too-many'],
  [PROBLEMS.UNKNOWN_TRANSFER_CODING, 'request.transfer-coding'],
]);

/**
 * Refuses targets and framing two programs could read differently, and verbs the route does not have: what can be said of a
 * request without asking who sends it. It waits for nothing, for the bytes of a chunked body are watched from here on.
 */
export function routes({ headerCount }: RouteSettings): Admission {
  const passed = pass('routes.known');
  return {
    name: 'routes',
    needs: [],
    provides: [],
    evaluate(x) {
      const { headers, request, route } = x;
      if (x.targetFault !== undefined) return refuse(x.targetFault, 'request.target', { close: true });
      if (request.rawHeaders.length > 2 * headerCount) return malformed(PROBLEMS.HEADERS_TOO_LARGE);
      const fault = framingFault(request, headers);
      if (fault !== undefined) return malformed(fault);
      if (headers.upgrade !== undefined) return UPGRADE;
      // `cors` answers a preflight, or refuses it as this would.
      if (!route.methods.includes(request.method ?? '') && !isPreflight(request, headers)) return wrongVerb(x);
      if (headers.transferEncoding !== undefined) x.chunks = new ChunkWatch(request, x.isFirst);
      return passed;
    },
  };
}

const UPGRADE = refuse(PROBLEMS.MALFORMED_REQUEST, 'request.upgrade', { close: true });

function malformed(problem: Problem): Denial {
  return refuse(problem, REASONS.get(problem) ?? 'request.malformed', { close: true });
}

function wrongVerb({ route, request }: Exchange): Denial {
  const headers = ['Allow', route.methods.join(', ')];
  return refuse(PROBLEMS.METHOD_NOT_ALLOWED, 'route.verb', { headers, close: request.method === 'TRACE' });
}
