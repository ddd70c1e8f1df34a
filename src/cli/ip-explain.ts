import type { Command } from 'commander';
import { ignoresAllowList } from '../config/address-variables.ts';
import type { Loaded } from '../config/load.ts';
import { type Explained, explained, type Question, question } from '../control/address-explain.ts';
import { callGateway } from '../control/client.ts';
import { readInput } from '../control/command.ts';
import { compilePerimeter } from '../perimeter/in-force.ts';
import { storedEntries } from '../perimeter/stored-entries.ts';
import { openSqlite } from '../storage/sqlite.ts';
import { inspectStateFolder } from '../storage/state-folder.ts';
import type { AddressRecord } from '../storage/storage.ts';
import type { ConfiguredContext } from './context.ts';
import { explanationText } from './explanation-text.ts';
import { addTargetOptions, attempt } from './gateway-or-store.ts';

const HELP = `
Asks the running gateway, which knows the entries and bans of now; without one, the configuration and the store. Nothing is
counted, recorded or changed.

Examples:
  What becomes of a request that comes straight from there?
    sallyport ip explain 203.0.113.9
  And of one that comes through the proxy at 10.0.0.1?
    sallyport ip explain 203.0.113.9 --peer 10.0.0.1
  With the very headers of a log line:
    sallyport ip explain --peer 10.0.0.1 --xff "203.0.113.9, 192.168.1.100"
  Which addresses are a network, and which entries have to do with it?
    sallyport ip explain 192.168.1.0/24`;

interface Options extends Readonly<Record<string, unknown>> {
  readonly peer?: string;
  readonly xff?: string;
  readonly forwarded?: string;
  readonly xRealIp?: string;
  readonly cfConnectingIp?: string;
  readonly server?: string;
  readonly json?: boolean;
}

/** Adds `sallyport ip explain`. */
export function ipExplainCommand(ip: Command, context: ConfiguredContext): void {
  const explain = ip
    .command('explain')
    .description('why an address is let in or kept out: the walk to the client, each list, the verdict')
    .argument('[address]', 'the address; or a network, to see its first and last address and the entries in it')
    .option('--peer <address>', 'who connects: the proxy, or "unix" (default: the address itself)')
    .option('--xff <list>', 'the X-Forwarded-For header, lines joined by commas')
    .option('--forwarded <text>', 'the Forwarded header')
    .option('--x-real-ip <address>', 'the X-Real-IP header')
    .option('--cf-connecting-ip <address>', 'the CF-Connecting-IP header')
    .option('--server <id>', "as a request to this server's route, whose own lists count too")
    .option('--json', 'write JSON')
    .addHelpText('after', HELP);
  addTargetOptions(explain).action((address: string | undefined, options: Options, command: Command) =>
    attempt(context, async () => {
      const loaded = context.configuration(command.optsWithGlobals());
      const wish = readInput(question, wishOf(address, options));
      const live = inspectStateFolder(loaded.stateDir)
        ? await callGateway(loaded.stateDir, 'ip.explain', wish)
        : 'not-running';
      const result = live === 'not-running' ? await alone(wish, loaded) : live;
      if (options.json) return void context.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      const configured = loaded.file ?? 'the defaults';
      context.stderr.write(
        live === 'not-running'
          ? `No gateway runs on ${loaded.stateDir}: answered from ${configured} and the store.\n`
          : `Answered by the running gateway (${loaded.stateDir}).\n`,
      );
      context.stdout.write(explanationText(result));
    }),
  );
}

function wishOf(address: string | undefined, options: Options): Question {
  const { peer, xff, forwarded, xRealIp: real_ip, cfConnectingIp: cf_connecting_ip, server } = options;
  const wish = { address, peer, xff, forwarded, real_ip, cf_connecting_ip, server };
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
}

/** As a gateway would judge that started now. @throws Error naming the setting or file that cannot be used */
async function alone(wish: Question, loaded: Loaded): Promise<Explained> {
  const { settings } = loaded;
  const records = await stored(loaded.stateDir);
  const { data } = await compilePerimeter(settings, storedEntries(records));
  const servers = settings.mcps.map(({ id }) => id);
  return explained(wish, { perimeter: data, records, servers, isListIgnored: ignoresAllowList(loaded) });
}

async function stored(stateDir: string): Promise<readonly AddressRecord[]> {
  if (!inspectStateFolder(stateDir)) return [];
  const storage = openSqlite(stateDir);
  try {
    return await storage.addresses.list();
  } finally {
    await storage.close();
  }
}
