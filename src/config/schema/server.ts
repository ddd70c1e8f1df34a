import { isIP } from 'node:net';
import { z } from 'zod';
import { about } from '../about.ts';
import { connectionSettings } from './connection.ts';
import { listenerTls } from './listener-tls.ts';
import { bytes, checked, count, hostName, milliseconds, port, publicUrl } from './text.ts';
import { trustSettings } from './trust.ts';

/** An address to bind. `010.0.0.1` and `127.1` mean different hosts to different parsers, so only full addresses and names pass. */
export const bindHost = () =>
  checked((text) => {
    if (isIP(text) !== 0) return undefined;
    if (text.startsWith('[')) return 'write the IPv6 address without brackets';
    if (text === '*') return 'write 0.0.0.0 for every IPv4 address or :: for every address';
    const name =
      /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(text);
    return name && !/^[0-9a-fx.]+$/i.test(text) ? undefined : 'is not an address or a host name';
  });

const limits = z.strictObject({
  header_bytes: z.int().min(1024).max(1_048_576).default(16_384).register(about, {
    description: 'Largest request head, all headers together. More is answered 431.',
  }),
  header_count: count()
    .default(100)
    .register(about, { description: 'Most headers on one request. More is answered 431.' }),
  body_bytes: bytes()
    .default(4_194_304)
    .register(about, { description: 'Largest request body. More is answered 413.' }),
  header_timeout_ms: milliseconds()
    .default(10_000)
    .register(about, { description: 'How long a request head may take to arrive.' }),
  body_timeout_ms: milliseconds()
    .default(30_000)
    .register(about, { description: 'How long a request body may take to arrive.' }),
  idle_timeout_ms: milliseconds().default(75_000).register(about, {
    description: 'How long an idle connection is kept. Never applied to a live stream.',
  }),
  shutdown_timeout_ms: milliseconds().default(10_000).register(about, {
    description: 'How long calls in flight may take to finish when the gateway stops.',
  }),
  connections: count().default(10_000).register(about, { description: 'Open connections at one time.' }),
});

const redirect = z.strictObject({
  host: z.exactOptional(bindHost()).register(about, {
    description: 'The address to listen on.',
    expected: 'an IP address or host name',
    fallback: '`server.host`',
    example: '127.0.0.1',
  }),
  port: port()
    .default(80)
    .register(about, { description: 'The port to listen on; 0 takes a free one.', expected: 'a port from 0 to 65535' }),
});

export const server = z.strictObject({
  host: bindHost()
    .default('127.0.0.1')
    .register(about, {
      description: 'The address to listen on. Anything but loopback is refused while no authentication is configured.',
      aliases: ['ONE_MCP_HOST', 'MCP_PROXY_HOST'],
      flag: '--host <address>',
      expected: 'an IP address or host name',
    }),
  port: port()
    .default(3000)
    .register(about, {
      description: 'The port to listen on; 0 takes a free one.',
      aliases: ['PORT', 'ONE_MCP_PORT', 'MCP_PROXY_PORT'],
      flag: '--port <number>',
      expected: 'a port from 0 to 65535',
    }),
  ...connectionSettings,
  public_url: z.exactOptional(publicUrl()).register(about, {
    description: 'Where callers reach the gateway, when that is not host and port. Never taken from a Host header.',
    example: 'https://mcp.example.com',
    aliases: ['MCP_SERVER_URL', 'ONE_MCP_EXTERNAL_URL', 'MCP_PROXY_BASE_URL'],
    flag: '--public-url <url>',
    expected: 'an http or https URL such as https://mcp.example.com',
  }),
  allowed_hosts: z.array(hostName()).default([]).register(about, {
    description: 'Host names answered to, besides loopback names and that of `public_url`.',
    example: [],
  }),
  ...trustSettings,
  tls: z.exactOptional(listenerTls).register(about, {
    description: 'TLS at this listener. Without it the listener speaks plain HTTP.',
  }),
  redirect: z.exactOptional(redirect).register(about, {
    description:
      'A plain-HTTP listener that sends browsers to https. Programs that call the API there are refused (426).',
  }),
  limits: limits.prefault({}).register(about, { description: 'Bounds on what one client may use.' }),
});
