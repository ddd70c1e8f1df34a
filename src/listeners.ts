import { randomBytes } from 'node:crypto';
import type { Settings } from './config/settings.ts';
import type { Stage } from './http/entrance.ts';
import { Listener, type ListenerHandlers, type ListenerSettings } from './http/listener.ts';
import { proxyStage } from './http/proxy-stage.ts';
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
  const main = open('main', mainBind(server), parts, (rules) => rules.data, mainStages(server));
  if (!admin.enabled) return [main];
  return [main, open('admin', { ...admin, limits: server.limits }, parts, (rules) => rules.admin)];
}

/** Where a listener can be reached from this machine. */
export function urlOf({ address: { host, port }, socketPath }: Listener): string {
  return socketPath !== undefined ? `unix:${socketPath}` : `http://${reachableHost(host)}:${port}`;
}

function open(
  name: string,
  settings: ListenerSettings,
  { estate, house }: ListenerParts,
  planeOf: (rules: Generation) => Plane,
  stages: readonly Stage[] = [],
): Listener {
  const prefix = randomBytes(6).toString('base64url');
  const door = new FrontDoor(estate, house, planeOf, prefix);
  const handlers: ListenerHandlers = {
    request: (request, response, isFirst) => door.request(request, response, isFirst),
    refused: (problem, detail, socket) => door.refused(problem, detail, socket),
    turnedAway: (reason, detail, socket) => door.turnedAway(reason, detail, socket),
  };
  return new Listener(name, settings, handlers, stages);
}

function mainBind({ host, port, limits, socket: path, socket_mode: mode }: Settings['server']): ListenerSettings {
  const socket = path === undefined ? {} : { socket: { path, mode: Number.parseInt(mode, 8) } };
  return { host, port, limits, ...socket };
}

/** What a connection of the main listener passes before HTTP is spoken on it. */
function mainStages({ proxy_protocol }: Settings['server']): readonly Stage[] {
  if (proxy_protocol === 'off') return [];
  return [proxyStage((connection) => connection.peer?.isLoopback === true)];
}
