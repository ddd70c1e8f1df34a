import type { PeerVerdict } from '../http/connection.ts';
import type { NetworkRules, Objection } from '../perimeter/network-rules.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { type Denial, pass, refuse } from './verdict.ts';

/** Told what would have been refused, were it not only reported. */
export type Reporter = (x: Exchange, step: string, denial: Denial) => void;

/**
 * Refuses clients that are denied, banned, on no list that they must be on, or nowhere to be found. Behind the address and
 * before everything else: nothing of the request but its head is read for somebody who may not come, and nothing is computed
 * for a credential.
 */
export function network(rules: NetworkRules, report: Reporter): Admission {
  const passed = pass('network.passed');
  return {
    name: 'network',
    needs: ['clientAddress'],
    provides: [],
    evaluate(x) {
      const { client, isLocalhost, route, connection } = x;
      if (connection.passed !== undefined && stillHolds(connection.passed, rules, x)) return passed;
      const first = rules.gatewayOn(route.server).judge(client, isLocalhost);
      if (first !== undefined && !first.isReported) return denialOf(x, first);
      const second = rules.layerOf(route.server)?.judge(client, isLocalhost);
      if (second !== undefined && !second.isReported) return denialOf(x, second);
      if (first !== undefined) report(x, 'network', denialOf(x, first));
      if (second !== undefined) report(x, 'network', denialOf(x, second));
      if (first === undefined && second === undefined && client !== undefined && client === connection.peer) {
        const { epoch, until } = rules;
        connection.passed = { rules, epoch, server: route.server, isLocalhost, until };
      }
      return passed;
    },
  };
}

/** What the rules in force now have against a request that was let in by those of its beginning. */
export function refusedMeanwhile(rules: NetworkRules, x: Exchange): Denial | undefined {
  const objection = rules.objection(x.client, x.isLocalhost, x.route.server);
  return objection === undefined ? undefined : denialOf(x, objection);
}

/** Whether a verdict on the peer is one on this request: the same client, rules and entries, and nothing has ended since. */
function stillHolds(
  verdict: PeerVerdict,
  rules: NetworkRules,
  { client, connection, isLocalhost, route }: Exchange,
): boolean {
  return (
    verdict.rules === rules &&
    verdict.epoch === rules.epoch &&
    client === connection.peer &&
    verdict.server === route.server &&
    verdict.isLocalhost === isLocalhost &&
    (verdict.until === Number.POSITIVE_INFINITY || Date.now() < verdict.until)
  );
}

/** The connection ends with the answer: nothing that follows on it is wanted. */
function denialOf({ client }: Exchange, { reason, place, rule }: Objection): Denial {
  const problem =
    client === undefined
      ? PROBLEMS.ADDRESS_UNKNOWN
      : particular(PROBLEMS.ADDRESS_DENIED, `${PROBLEMS.ADDRESS_DENIED.text} for IP: ${client.text}`, {
          ip: client.text,
        });
  return refuse(problem, reason, { place, rule, close: true });
}
