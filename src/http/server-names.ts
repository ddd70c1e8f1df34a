import type { X509Certificate } from 'node:crypto';

/**
 * The DNS names a certificate is for (RFC 6125; the subject's common name does not count), in lower case. Addresses are left
 * out: no client asks for one by SNI (RFC 6066, section 3).
 */
export function namesOf(certificate: X509Certificate): readonly string[] {
  const names: string[] = [];
  // Node writes `DNS:a.example, DNS:b.example, IP Address:…`, and puts quotes around what holds anything unusual.
  for (const entry of certificate.subjectAltName?.split(', ') ?? []) {
    const name = entry.startsWith('DNS:') ? entry.slice(4).toLowerCase() : '';
    if (NAME.test(name)) names.push(name);
  }
  return names;
}

const NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** Finds what stands under a name: exact before wildcard; a wildcard is one label (RFC 6125, section 6.4.3). */
export class ServerNames<T> {
  private readonly exact = new Map<string, T>();
  /** By what follows the `*`, dot included. */
  private readonly wildcards = new Map<string, T>();

  /** The first one of a name stays. @returns whether this was the first */
  add(name: string, value: T): boolean {
    const [table, key] = name.startsWith('*.') ? [this.wildcards, name.slice(1)] : [this.exact, name];
    if (table.has(key)) return false;
    table.set(key, value);
    return true;
  }

  find(asked: string): T | undefined {
    const name = asked.toLowerCase();
    const exact = this.exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return dot <= 0 ? undefined : this.wildcards.get(name.slice(dot));
  }
}
