import { PROBLEMS } from '../problem/catalogue.ts';
import type { Admission } from './engine.ts';
import { pass, type Verdict } from './verdict.ts';

/**
 * Is what the client showed in its handshake still good, by what the listener wants now? The handshake has judged it once; a
 * renewed revocation list, another authority or `require` reaches connections that are open here, with their next request.
 */
export function clientCertificate(): Admission {
  const none = pass('client-certificate.none');
  const good = pass('client-certificate.good');
  return {
    name: 'client-certificate',
    needs: [],
    provides: [],
    evaluate({ connection }): Verdict {
      const { shown } = connection;
      if (shown === undefined) return none;
      const fault = shown.fault(connection);
      if (fault === undefined) return good;
      return { deny: PROBLEMS.CLIENT_CERTIFICATE_REQUIRED, reason: 'tls.client-certificate', rule: fault, close: true };
    },
  };
}
