import { z } from 'zod';
import { about } from '../about.ts';
import { checked } from './text.ts';

/** A line break would end the header and begin another; anything beyond ASCII is read differently by different readers. */
const headerValue = () =>
  checked((text) => {
    if (/[^\x20-\x7e]/.test(text)) return 'must be visible ASCII characters and blanks on one line';
    if (text.trim() !== text) return 'begins or ends with a blank';
    return text.length > 4_096 ? 'is longer than 4096 characters' : undefined;
  });

const REFERRER_POLICIES = new Set([
  'no-referrer',
  'no-referrer-when-downgrade',
  'same-origin',
  'origin',
  'strict-origin',
  'origin-when-cross-origin',
  'strict-origin-when-cross-origin',
  'unsafe-url',
]);

const referrerPolicy = () =>
  checked((text) => {
    const unknown = text.split(',').find((word) => !REFERRER_POLICIES.has(word.trim()));
    return text === '' || unknown === undefined ? undefined : `is not one of ${[...REFERRER_POLICIES].join(', ')}`;
  });

const oneOf = (...values: readonly string[]) => z.enum(['', ...values]);

/** One setting for each header, under its name. Empty: not sent. */
export const answerHeaders = () =>
  z.strictObject({
    content_security_policy: headerValue()
      .default("default-src 'none'; frame-ancestors 'none'")
      .register(about, { description: 'Content-Security-Policy. Answers are data: nothing in them may be rendered.' }),
    hsts_max_age: z.int().min(0).max(2_147_483_647).default(31_536_000).register(about, {
      description: 'Seconds of Strict-Transport-Security, sent where the request came by TLS; 0 sends none.',
    }),
    hsts_include_subdomains: z
      .boolean()
      .default(true)
      .register(about, { description: 'Whether Strict-Transport-Security covers the names below.' }),
    hsts_preload: z.boolean().default(false).register(about, {
      description: 'Whether Strict-Transport-Security asks browsers to build the name in. Hard to take back.',
    }),
    x_frame_options: oneOf('DENY', 'SAMEORIGIN')
      .default('DENY')
      .register(about, { description: 'X-Frame-Options, for browsers that do not know frame-ancestors.' }),
    x_content_type_options: oneOf('nosniff')
      .default('nosniff')
      .register(about, { description: 'X-Content-Type-Options.' }),
    referrer_policy: referrerPolicy().default('no-referrer').register(about, { description: 'Referrer-Policy.' }),
    permissions_policy: headerValue()
      .default('camera=(), microphone=(), geolocation=()')
      .register(about, { description: 'Permissions-Policy.' }),
    x_xss_protection: headerValue().default('0').register(about, {
      description:
        'X-XSS-Protection. `0` switches a filter of old browsers off that could itself be used to read pages.',
    }),
    x_dns_prefetch_control: oneOf('off', 'on')
      .default('off')
      .register(about, { description: 'X-DNS-Prefetch-Control.' }),
    x_download_options: oneOf('noopen').default('noopen').register(about, { description: 'X-Download-Options.' }),
    x_permitted_cross_domain_policies: oneOf('none', 'master-only', 'by-content-type', 'all')
      .default('none')
      .register(about, { description: 'X-Permitted-Cross-Domain-Policies.' }),
    cross_origin_resource_policy: oneOf('same-origin', 'same-site', 'cross-origin')
      .default('same-origin')
      .register(about, {
        description: 'Cross-Origin-Resource-Policy: who may embed an answer without asking. CORS is not touched by it.',
      }),
    cross_origin_opener_policy: oneOf('same-origin', 'same-origin-allow-popups', 'unsafe-none')
      .default('same-origin')
      .register(about, { description: 'Cross-Origin-Opener-Policy.' }),
  });
