import { type Command, Option } from 'commander';
import { callGateway } from '../control/client.ts';
import { allClientConfigs, CLIENT_NAMES, clientConfig } from './client-config.ts';
import type { ConfiguredContext } from './context.ts';
import { addTargetOptions } from './gateway-or-store.ts';

const HELP = `
The token is not stored anywhere, so the text has YOUR_TOKEN in its place unless --token gives one.

Examples:
  sallyport client-config cursor
  sallyport client-config vscode --server demo --token "$(sallyport token create --name vscode)"
  sallyport client-config                  every client there is a recipe for`;

/** `sallyport client-config NAME`: what to paste into a client. */
export function clientConfigCommand(program: Command, context: ConfiguredContext): void {
  const command = program
    .command('client-config')
    .argument('[name]', `the client: ${CLIENT_NAMES.join(', ')}`)
    .description('print ready-to-paste configuration for a client')
    .option('--server <id>', 'the server to connect to (default: /mcp, which is the only server)')
    .option(
      '--url <url>',
      'where clients reach the gateway (default: server.public_url, else where the running one listens)',
    )
    .addOption(new Option('--token <token>', 'the token to put in').default('YOUR_TOKEN'))
    .addHelpText('after', HELP);
  addTargetOptions(command).action(async (name: string | undefined, options: Record<string, string | undefined>) => {
    const base = (options.url ?? (await knownUrl(context, options)) ?? 'http://127.0.0.1:3000').replace(/\/+$/, '');
    if (base.startsWith('unix:')) {
      context.stderr.write(
        `sallyport: the gateway listens on ${base}; name the proxy in front of it with --url https://…\n`,
      );
      return context.exitCode(2);
    }
    const path = options.server === undefined ? '/mcp' : `/mcp/${options.server}`;
    const target = { name: options.server ?? 'sallyport', url: `${base}${path}`, token: options.token ?? '' };
    const text = name === undefined ? allClientConfigs(target) : clientConfig(name, target);
    if (text === undefined) {
      context.stderr.write(
        `sallyport: there is no recipe for "${name}"; there is one for ${CLIENT_NAMES.join(', ')}\n`,
      );
      return context.exitCode(2);
    }
    context.stdout.write(`${text}\n`);
  });
}

/** Of the running gateway, whose configuration may be another than is found here; of what is found here when none runs. */
async function knownUrl(
  context: ConfiguredContext,
  options: Record<string, string | undefined>,
): Promise<string | undefined> {
  const status = await callGateway(context.stateDir(options), 'status', {}).catch(() => 'not-running' as const);
  if (status === 'not-running') return context.configuration(options).settings.server.public_url;
  return status.public_url ?? status.listeners.find(({ name }) => name === 'main')?.url;
}
