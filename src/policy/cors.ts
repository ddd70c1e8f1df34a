import { emptyResponse } from '../http/outbound-response.ts';
import { isPreflight } from '../http/preflight.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { CorsBook } from './cors-policy.ts';
import type { Admission } from './engine.ts';
import { type Exchange, UNPROVEN } from './exchange.ts';
import { pass, refuse, type Verdict } from './verdict.ts';

/** The rule of a preflight that was granted what it asked for; of any other it is the setting that would grant it. */
export const PREFLIGHT_GRANTED = 'cors.preflight';

/**
 * Marks what a page may read (Fetch, "HTTP extensions"), refusals of every later step included: a page must be able to tell why
 * it was refused from a broken network. Answers to preflights are not marked: half a grant can be a whole one.
 *
 * An origin that may not call never gets one of these headers, whatever else lets its request through.
 */
export function corsHeaders(book: CorsBook): Admission {
  const noPage = pass('cors.no-origin');
  const off = pass('cors.off');
  const marked = pass('cors.allowed');
  const unmarked = pass('cors.not-allowed');
  const preflight = pass('cors.asked');
  return {
    name: 'cors-headers',
    needs: ['responseHeaders'],
    provides: [],
    evaluate(x) {
      const { origin, duplicated } = x.headers;
      if (origin === undefined) return noPage;
      const policy = book.of(x.route);
      if (!policy.enabled) return off;
      if (asks(x)) return preflight;
      // Of two Origins nobody can say which page would read the answer.
      if (duplicated !== undefined || policy.refusedBy(origin) !== undefined) return unmarked;
      x.responseHeaders = [...x.responseHeaders, ...policy.answer(origin)];
      return marked;
    },
  };
}

/**
 * Answers preflights. Behind the check of origins and before any credential is looked at: browsers send none with a preflight.
 * Asks again whether the origin may call: where that is only reported, nothing is granted. What any page there is may send with a
 * credential of its choice is held against nobody's address.
 */
export function cors(book: CorsBook): Admission {
  const noPreflight = pass('cors.no-preflight');
  return {
    name: 'cors',
    needs: ['clientAddress'],
    provides: [],
    evaluate(x) {
      const { origin } = x.headers;
      if (origin === undefined) return noPreflight;
      const policy = book.of(x.route);
      if (!asks(x)) {
        if (policy.enabled && policy.anybody) x.proof = UNPROVEN;
        return noPreflight;
      }
      if (!policy.enabled) return noSuchVerb(x);
      const setting = policy.refusedBy(origin);
      if (setting !== undefined) return ungranted(setting);
      const granted = policy.grant(origin, x.route, x.headers.askedMethod ?? '', x.headers.askedHeaders);
      if (typeof granted === 'string') return ungranted(granted);
      return { answer: emptyResponse(204, granted), rule: PREFLIGHT_GRANTED };
    },
  };
}

/** What is not there is not there for a preflight either: answered by the route for unknown paths. */
function asks({ route, request, headers }: Exchange): boolean {
  return route.name !== 'unknown' && isPreflight(request, headers);
}

const UNGRANTED = emptyResponse(204);

function ungranted(setting: string): Verdict {
  return { answer: UNGRANTED, rule: setting };
}

function noSuchVerb(x: Exchange): Verdict {
  return refuse(PROBLEMS.METHOD_NOT_ALLOWED, 'route.verb', { headers: ['Allow', x.route.methods.join(', ')] });
}
