import { PROBLEMS } from '../problem/catalogue.ts';
import type { Admission } from './engine.ts';
import { pass, refuse } from './verdict.ts';

/**
 * Who is the client? The socket peer, whatever a header says: no proxy is trusted, so no forwarding header is read.
 * A request without a peer address is refused.
 */
export function clientAddress(): Admission {
  const peer = pass('client-address.peer');
  const unknown = refuse(PROBLEMS.FORBIDDEN, 'client-address.unknown', { close: true });
  return {
    name: 'client-address',
    needs: [],
    provides: ['clientAddress'],
    evaluate(x) {
      if (x.connection.peer === undefined) return unknown;
      x.client = x.connection.peer;
      x.clientAddress = x.peer;
      x.isLocalhost = x.connection.peer.isLoopback;
      x.isSecure = x.connection.isEncrypted;
      return peer;
    },
  };
}
