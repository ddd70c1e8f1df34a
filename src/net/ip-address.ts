import { formatIpv6 } from './ipv6-text.ts';

/**
 * One IP address, whatever its spelling was. Equal addresses have equal words; IPv4 inside IPv6 (`::ffff:a.b.c.d`, RFC 4291,
 * section 2.5.5.2) is IPv4. Lists, limits, sessions, the record and the log all use this one form.
 */
export class IpAddress {
  readonly family: 4 | 6;
  /** The 128 bits as four unsigned 32-bit words, highest first. IPv4 is in `w3` alone. */
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  private written: string | undefined = undefined;

  constructor(family: 4 | 6, w0: number, w1: number, w2: number, w3: number) {
    this.family = family;
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
  }

  /** The canonical spelling: dotted decimal, or RFC 5952. */
  get text(): string {
    this.written ??= this.family === 4 ? formatIpv4(this.w3) : formatIpv6(this.w0, this.w1, this.w2, this.w3);
    return this.written;
  }

  equals(other: IpAddress): boolean {
    return (
      this.w3 === other.w3 &&
      this.w2 === other.w2 &&
      this.w1 === other.w1 &&
      this.w0 === other.w0 &&
      this.family === other.family
    );
  }

  /** 127.0.0.0/8 (RFC 1122, section 3.2.1.3) and `::1`. */
  get isLoopback(): boolean {
    if (this.family === 4) return this.w3 >>> 24 === 127;
    return this.w3 === 1 && this.w0 === 0 && this.w1 === 0 && this.w2 === 0;
  }
}

function formatIpv4(bits: number): string {
  return `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`;
}
