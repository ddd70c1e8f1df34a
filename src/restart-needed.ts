import type { Loaded } from './config/load.ts';

/** What the listeners, the Estate, the record and the log are made with, once: a reload keeps the old value. */
export const FIXED: readonly string[] = [
  'server.host',
  'server.port',
  'server.socket',
  'server.socket_mode',
  'server.proxy_protocol',
  'server.redirect',
  'server.limits.header_bytes',
  'server.limits.header_timeout_ms',
  'server.limits.idle_timeout_ms',
  'server.limits.connections',
  'admin.enabled',
  'admin.host',
  'admin.port',
  'audit',
  'sessions',
  'streams.max_per_principal',
  'streams.keep_alive_ms',
  'streams.retry_ms',
  'streams.replay',
  'log.level',
  'log.format',
];

/** A lower value counts at once; the listeners go by the one of the start as well. */
export const ONLY_LOWERED: readonly string[] = ['server.limits.header_count', 'server.limits.body_timeout_ms'];

/** Whether TLS ends at a listener stays as it is; with which certificates and how does not. */
const ENCRYPTED: readonly string[] = ['server.tls', 'admin.tls'];

/** @returns the names of the settings that differ and count after a restart only */
export function restartNeeded(before: Loaded, after: Loaded): readonly string[] {
  const names: string[] = before.stateDir === after.stateDir ? [] : ['state_dir'];
  for (const name of FIXED) collect(name, settingOf(before, name), settingOf(after, name), names);
  for (const name of ONLY_LOWERED)
    if (Number(settingOf(after, name)) > Number(settingOf(before, name))) names.push(name);
  for (const name of ENCRYPTED)
    if ((settingOf(before, name) === undefined) !== (settingOf(after, name) === undefined)) names.push(name);
  // What nobody wrote down follows from another setting, and that is named.
  const isDerived = (name: string) =>
    before.provenance.get(name) === 'default' && after.provenance.get(name) === 'default';
  return names.filter((name) => !isDerived(name));
}

function collect(name: string, before: unknown, after: unknown, names: string[]): void {
  if (isGroup(before) && isGroup(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      collect(`${name}.${key}`, before[key], after[key], names);
  } else if (JSON.stringify(before) !== JSON.stringify(after)) names.push(name);
}

function settingOf({ settings }: Loaded, name: string): unknown {
  return name.split('.').reduce<unknown>((value, key) => (isGroup(value) ? value[key] : undefined), settings);
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
