import { randomBytes } from 'node:crypto';
import { type CertificateKeeper, publicUrlOf, type TlsPlace } from './certificate-keeper.ts';
import type { Settings } from './config/settings.ts';
import type { Stage } from './http/entrance.ts';
import { Listener, type ListenerHandlers, type ListenerSettings } from './http/listener.ts';
import { proxyStage } from './http/proxy-stage.ts';
import { ruleOfPeer } from './net/forwarded-walk.ts';
import { reachableHost } from './net/loopback.ts';
import { FrontDoor, type House } from './proxy/front-door.ts';
import type { Estate, Generation, Plane } from './proxy/services.ts';

/** What every listener's requests are answered from. */
export interface ListenerParts {
  readonly estate: Estate;
  readonly house: House;
  readonly certificates: CertificateKeeper;
}

/**
 * The listeners a configuration asks for, each with its front door. None of them listens yet.
 * @throws TlsFileError when a certificate cannot be used
 */
export function bindListeners(settings: Settings, parts: ListenerParts): readonly Listener[] {
  const { server, admin } = settings;
  const { certificates } = parts;
  const before = [...mainStages(server, parts.house), ...tlsStages(certificates, 'server', settings)];
  const main = open('main', mainBind(server), parts, before, (rules) => rules.data);
  const more = redirectListeners(settings, parts);
  if (!admin.enabled) return [main, ...more];
  const own = { ...admin, limits: server.limits };
  const beforeAdmin = tlsStages(certificates, 'admin', settings);
  return [main, open('admin', own, parts, beforeAdmin, (rules) => rules.admin), ...more];
}

/** Where a listener can be reached from this machine. */
export function urlOf({ isEncrypted, address: { host, port }, socketPath }: Listener): string {
  if (socketPath !== undefined) return `unix:${socketPath}`;
  return `http${isEncrypted ? 's' : ''}://${reachableHost(host)}:${port}`;
}

function open(
  name: string,
  settings: ListenerSettings,
  { estate, house }: ListenerParts,
  stages: readonly Stage[],
  planeOf: (rules: Generation) => Plane,
): Listener {
  const prefix = randomBytes(6).toString('base64url');
  const door = new FrontDoor(estate, house, planeOf, prefix);
  const handlers: ListenerHandlers = {
    request: (request, response, isFirst) => door.request(request, response, isFirst),
    headers: (socket) => door.headers(socket),
    refused: (problem, detail, socket) => door.refused(problem, detail, socket),
    turnedAway: (reason, detail, socket, answer) => door.turnedAway(reason, detail, socket, answer),
  };
  return new Listener(name, settings, handlers, stages);
}

function mainBind({ host, port, limits, socket: path, socket_mode: mode }: Settings['server']): ListenerSettings {
  const socket = path === undefined ? {} : { socket: { path, mode: Number.parseInt(mode, 8) } };
  return { host, port, limits, ...socket };
}

function redirectListeners({ server }: Settings, parts: ListenerParts): Listener[] {
  const { redirect, limits, host } = server;
  if (redirect === undefined) return [];
  return [
    open('redirect', { host, ...redirect, limits }, parts, mainStages(server, parts.house), (rules) => rules.redirect),
  ];
}

/** What a connection of the main listener, and of the one that leads to it, passes first: the same proxy is in front of both. */
function mainStages({ proxy_protocol }: Settings['server'], house: House): readonly Stage[] {
  if (proxy_protocol === 'off') return [];
  return [proxyStage((connection) => ruleOfPeer(connection, house.generation().trust) !== undefined)];
}

function tlsStages(keeper: CertificateKeeper, place: TlsPlace, settings: Settings): Stage[] {
  const stage = keeper.open(place, settings[place].tls, publicUrlOf(place, settings));
  return stage === undefined ? [] : [stage];
}
