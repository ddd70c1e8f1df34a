import { z } from 'zod';
import { about } from '../about.ts';
import { checked } from './text.ts';
import { pemFile, tlsProtocol } from './tls.ts';

/** A name as a client asks for it (SNI, RFC 6066 section 3): a host name, or one wildcard label before one. */
const serverName = () =>
  checked((text) => {
    const name = text.startsWith('*.') ? text.slice(2) : text;
    if (name.includes('*')) return 'may have one * only, as the whole first label (*.example.com)';
    if (/^[0-9.]+$/.test(name) || name.includes(':')) return 'is an address; clients ask for names alone (RFC 6066)';
    return /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(name)
      ? undefined
      : 'is not a host name such as mcp.example.com or *.example.com';
  }).transform((text) => text.toLowerCase());

const passphraseFile = () =>
  z.exactOptional(pemFile()).register(about, {
    description: 'A file that holds the passphrase of the key, where the key is encrypted.',
    example: '/etc/sallyport/tls/key.passphrase',
  });

const furtherCertificate = z.strictObject({
  cert_file: pemFile().register(about, { description: 'The certificate in PEM, with its chain behind it.' }),
  key_file: pemFile().register(about, { description: 'Its private key in PEM, readable by this user alone.' }),
  key_passphrase_file: passphraseFile(),
  names: z.exactOptional(z.array(serverName()).min(1)).register(about, {
    description: 'The names it is shown for.',
    fallback: 'the DNS names in the certificate',
    example: ['tools.example.com'],
  }),
});

/** `server.tls` and `admin.tls`: TLS ends at this listener. */
export const listenerTls = z.strictObject({
  enabled: z.boolean().default(true).register(about, { description: 'Whether the block counts.' }),
  cert_file: z.exactOptional(pemFile()).register(about, {
    description:
      'The certificate in PEM, with its chain behind it. Shown to whoever asks for no name, or an unknown one.',
    example: '/etc/sallyport/tls/fullchain.pem',
  }),
  key_file: z.exactOptional(pemFile()).register(about, {
    description: 'The private key of `cert_file` in PEM. Refused when every user of the machine can read it.',
    example: '/etc/sallyport/tls/privkey.pem',
  }),
  key_passphrase_file: passphraseFile(),
  certificates: z.array(furtherCertificate).default([]).register(about, {
    description: 'Further certificates, chosen by the name the client asks for (SNI).',
    example: [],
  }),
  client_certificates: z.enum(['none', 'request', 'require']).default('none').register(about, {
    description:
      'Whether clients are asked for a certificate. `request`: one that can be verified names the client in the record. `require`: without one every request is answered 403 and the connection ends.',
  }),
  ca_file: z.exactOptional(pemFile()).register(about, {
    description: 'The authorities client certificates are verified against. Those of the system never count here.',
    example: '/etc/sallyport/tls/clients-ca.pem',
  }),
  crl_file: z.exactOptional(pemFile()).register(about, {
    description: 'Revocation lists of those authorities, in PEM.',
    example: '/etc/sallyport/tls/clients-ca.crl',
  }),
  ...tlsProtocol,
  watch: z.boolean().default(true).register(about, {
    description: 'Whether the files are loaded again when they change. A reload (SIGHUP) loads them in any case.',
  }),
});
