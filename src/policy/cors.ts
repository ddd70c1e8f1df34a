import { emptyResponse } from '../http/outbound-response.ts';
import { isPreflight } from '../http/preflight.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { CorsBook } from './cors-policy.ts';
import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { pass, refuse, type Verdict } from './verdict.ts';

/** The rule of a preflight that was granted what it asked for; of any other it is the setting that would grant it. */
export const PREFLIGHT_GRANTED = 'cors.preflight';

/**
 * Answers preflights, and marks what a page may read (Fetch, "HTTP extensions"). Behind the check of origins and before any
 * credential is looked at: browsers send none with a preflight, and a page must be able to read why it was refused.
 *
 * An origin that may not call never gets one of these headers, whatever else lets its request through.
 */
export function cors(book: CorsBook): Admission {
  const noPage = pass('cors.no-origin');
  const off = pass('cors.off');
  const marked = pass('cors.allowed');
  const unmarked = pass('cors.not-allowed');
  return {
    name: 'cors',
    needs: ['responseHeaders'],
    provides: [],
    evaluate(x) {
      const { origin } = x.headers;
      if (origin === undefined) return noPage;
      const policy = book.of(x.route);
      // What is not there is not there for a preflight either: answered by the route for unknown paths.
      const asks = x.route.name !== 'unknown' && isPreflight(x.request, x.headers);
      if (!policy.enabled) return asks ? noPreflight(x) : off;
      const setting = policy.refusedBy(origin);
      if (asks) {
        if (setting !== undefined) return ungranted(setting);
        const granted = policy.grant(origin, x.route, x.headers.askedMethod ?? '', x.headers.askedHeaders);
        if (typeof granted === 'string') return ungranted(granted);
        return { answer: emptyResponse(204, granted), rule: PREFLIGHT_GRANTED };
      }
      if (setting !== undefined) return unmarked;
      x.responseHeaders = [...x.responseHeaders, ...policy.answer(origin)];
      return marked;
    },
  };
}

const UNGRANTED = emptyResponse(204);

function ungranted(setting: string): Verdict {
  return { answer: UNGRANTED, rule: setting };
}

function noPreflight(x: Exchange): Verdict {
  return refuse(PROBLEMS.METHOD_NOT_ALLOWED, 'route.verb', { headers: ['Allow', x.route.methods.join(', ')] });
}
