/** Who may come, as a firewall is to be told. */
export interface FirewallList {
  readonly cidr: string;
  readonly note: string;
}

export interface FirewallPolicy {
  /** Undefined: there is no allow list, and whoever is not denied may come. */
  readonly allow: readonly FirewallList[] | undefined;
  readonly deny: readonly FirewallList[];
}

/**
 * Commands for ufw. It takes the first rule that fits, so each is put in front of all that exist: the last denial first, then what
 * is allowed, then what is denied, which so comes to stand on top. A rule allowing the port to everybody may be there already; it
 * ends up behind the last denial and lets nobody in.
 */
export function ufwCommands({ allow, deny }: FirewallPolicy, port: number): string {
  const commands = [
    ...(allow === undefined ? [] : [`ufw prepend deny proto tcp to any port ${port}${comment('everybody else')}`]),
    ...(allow ?? []).toReversed().map((entry) => ufwRule('allow', entry, port)),
    ...deny.toReversed().map((entry) => ufwRule('deny', entry, port)),
  ];
  return `${UFW_HEAD}${commands.map((command) => `${command}\n`).join('')}`;
}

const UFW_HEAD = `#!/bin/sh
# Each rule goes in front of all others, the last one to stand on top. ufw leaves a rule that exists already where it is:
# delete older rules for this port first (ufw status numbered), and look at the order afterwards.
# Ports published by Docker do not pass these rules; bind them to 127.0.0.1, or use its DOCKER-USER chain.
set -eu
`;

const ufwRule = (verb: string, { cidr, note }: FirewallList, port: number): string =>
  `ufw prepend ${verb} proto tcp from ${cidr} to any port ${port}${comment(note)}`;

/** A note must never become a second command: what is not plain text in single quotes is left out. */
function comment(note: string): string {
  const plain = oneLine(note).replaceAll("'", '');
  return plain === '' ? '' : ` comment '${plain}'`;
}

/** An include for nginx, which takes the first line that fits: what is denied, what is allowed, nobody else. */
export function nginxList({ allow, deny }: FirewallPolicy): string {
  const lines = [
    ...deny.map((entry) => nginxLine('deny', entry)),
    ...(allow ?? []).map((entry) => nginxLine('allow', entry)),
    ...(allow === undefined ? [] : ['deny all;']),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function nginxLine(verb: string, { cidr, note }: FirewallList): string {
  const plain = oneLine(note);
  return `${verb} ${cidr};${plain === '' ? '' : ` # ${plain}`}`;
}

const oneLine = (note: string): string =>
  note
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 100);
