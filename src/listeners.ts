import { randomBytes } from 'node:crypto';
import type { Settings } from './config/settings.ts';
import { Listener, type ListenerSettings } from './http/listener.ts';
import { reachableHost } from './net/loopback.ts';
import { FrontDoor, type House } from './proxy/front-door.ts';
import type { Estate, Generation, Plane } from './proxy/services.ts';

/** What every listener's requests are answered from. */
export interface ListenerParts {
  readonly estate: Estate;
  readonly house: House;
}

/** The listeners a configuration asks for, each with its front door. None of them listens yet. */
export function bindListeners(settings: Settings, parts: ListenerParts): readonly Listener[] {
  const { server, admin } = settings;
  const headerCount = server.limits.header_count;
  const main = open('main', server, parts, headerCount, (rules) => rules.data);
  if (!admin.enabled) return [main];
  return [main, open('admin', { ...admin, limits: server.limits }, parts, headerCount, (rules) => rules.admin)];
}

/** Where a listener can be reached from this machine. */
export function urlOf({ address: { host, port } }: Listener): string {
  return `http://${reachableHost(host)}:${port}`;
}

function open(
  name: string,
  settings: ListenerSettings,
  { estate, house }: ListenerParts,
  headerCount: number,
  planeOf: (rules: Generation) => Plane,
): Listener {
  const prefix = randomBytes(6).toString('base64url');
  const door = new FrontDoor(estate, house, planeOf, { headerCount }, prefix);
  return new Listener(name, settings, {
    request: (request, response, isFirst) => door.request(request, response, isFirst),
    refused: (problem, detail, socket) => door.refused(problem, detail, socket),
    turnedAway: (reason, detail, socket) => door.turnedAway(reason, detail, socket),
  });
}
