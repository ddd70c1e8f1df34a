import { z } from 'zod';
import { about } from '../about.ts';
import { CIPHER_SUITES, cipherSuite, TLS_VERSIONS } from './cipher-suites.ts';
import { checked } from './text.ts';

const named = CIPHER_SUITES.filter(({ weak }) => !weak).map(({ iana }) => iana);

/** A file of certificates or a key, in PEM. Relative to the configuration file; `src/config/settings.ts` makes it absolute. */
export const pemFile = () => z.string().min(1);

/** One name of a suite, of the IANA registry or OpenSSL's; OpenSSL's afterwards. */
const suiteName = checked((text) => {
  if (cipherSuite(text) !== undefined) return undefined;
  return `is not a cipher suite known here; known are ${named.join(', ')}, and their OpenSSL names`;
}).transform((text) => cipherSuite(text)?.openssl ?? text);

/** What a TLS block says about versions and suites, the same towards callers and towards servers. */
export const tlsProtocol = {
  min_version: z.enum(TLS_VERSIONS).default('1.2').register(about, {
    description:
      'The oldest version of TLS spoken. 1.0 and 1.1 are broken (RFC 8996) and spoken only when written here.',
  }),
  max_version: z.enum(TLS_VERSIONS).default('1.3').register(about, {
    description: 'The newest version of TLS spoken.',
  }),
  cipher_suites: z.array(suiteName).default([]).register(about, {
    description:
      'The only cipher suites used, by their IANA or OpenSSL names. A list without a suite of a version leaves that version out. Empty: every suite with forward secrecy and authenticated encryption.',
    example: [],
  }),
};

/** `mcps[].tls`: the gateway as the client of one server. */
export const upstreamTls = z.strictObject({
  enabled: z.boolean().default(true).register(about, {
    description: 'Whether the block counts. The scheme of `url` decides whether TLS is spoken.',
  }),
  ca_file: z.exactOptional(pemFile()).register(about, {
    description: 'Certificates of the authorities the server is verified against, in place of those Node brings along.',
    example: '/etc/sallyport/internal-ca.pem',
    fallback: 'the authorities Node brings along, and those of NODE_EXTRA_CA_CERTS',
  }),
  crl_file: z.exactOptional(pemFile()).register(about, {
    description:
      'Revocation lists of those authorities, in PEM. With it every certificate of the chain is looked up; one whose list is missing or out of date is refused.',
    example: '/etc/sallyport/internal-ca.crl',
  }),
  cert_file: z.exactOptional(pemFile()).register(about, {
    description: 'The certificate the gateway shows the server, with its chain. Needs `key_file`.',
    example: '/etc/sallyport/client.pem',
  }),
  key_file: z.exactOptional(pemFile()).register(about, {
    description: 'The private key of `cert_file`.',
    example: '/etc/sallyport/client.key',
  }),
  server_name: z
    .exactOptional(
      checked((text) =>
        /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/.test(
          text,
        )
          ? undefined
          : 'is not a host name',
      ),
    )
    .register(about, {
      description: 'The name asked for (SNI) and looked for in the certificate, when it is not the host of `url`.',
      example: 'search.internal',
      fallback: 'the host of `url`',
    }),
  insecure_skip_verify: z.boolean().default(false).register(about, {
    description:
      'Take any certificate of this server, so that anybody on the way can read and change everything. Warned about at start and recorded.',
  }),
  ...tlsProtocol,
});
