import type { Target } from '../target.ts';
import { addresses } from './addresses.ts';
import { config } from './config.ts';
import { framer } from './framer.ts';
import { gatewayTarget } from './gateway.ts';
import { headers } from './headers.ts';
import { jsonrpc } from './jsonrpc.ts';
import { proxyProtocol } from './proxy-protocol.ts';
import { sse } from './sse.ts';

export const TARGETS: readonly Target[] = [
  jsonrpc,
  sse,
  framer,
  headers,
  addresses,
  proxyProtocol,
  config,
  gatewayTarget,
];
