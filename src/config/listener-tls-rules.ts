import type { Path } from './path.ts';
import type { Draft, Report, Rule } from './rule.ts';
import { doubtTls, judgeTls } from './tls-rules.ts';

type Block = NonNullable<NonNullable<Draft['server']>['tls']>;

function each(draft: Draft, judge: (block: Block, path: Path) => void): void {
  for (const name of ['server', 'admin'] as const) {
    const block = draft[name]?.tls;
    // Nothing in it: what was written may be a mistyped key, which has been told. The start refuses an empty block.
    if (block === undefined || block.enabled === false || Object.keys(block).length === 0) continue;
    judge(block, [name, 'tls']);
  }
}

export const listenerTls: Rule = (draft, report) => {
  each(draft, (block, path) => {
    judgeTls(block, path, report);
    const { cert_file, key_file, certificates, client_certificates, ca_file, crl_file } = block;
    if (cert_file === undefined && key_file === undefined && (certificates ?? []).length === 0) {
      const remedy = 'Name them, or set enabled: false. `sallyport cert dev` makes a pair for development.';
      report(path, 'has no cert_file and key_file', remedy);
    }
    const asks = client_certificates === 'request' || client_certificates === 'require';
    if (asks && ca_file === undefined) {
      const remedy = 'Name the authorities that may vouch for clients.';
      report([...path, 'client_certificates'], `is ${client_certificates} without a ca_file to verify them by`, remedy);
    }
    if (crl_file !== undefined && ca_file === undefined) {
      report([...path, 'crl_file'], 'has no ca_file beside it', 'Name the authorities the lists are of in ca_file.');
    }
  });
};

export const redirectTarget: Rule = (draft, report) => {
  const { server, admin } = draft;
  if (server?.redirect === undefined || Object.keys(server.redirect).length === 0) return;
  const isSecure = server.tls !== undefined && server.tls.enabled !== false;
  if (!isSecure && server.public_url?.startsWith('https:') !== true) {
    report(
      ['server', 'redirect'],
      'has nowhere to lead to: server.tls is off and server.public_url is not https',
      'Set server.tls, or server.public_url: https://… when TLS ends at a proxy.',
    );
  }
  if (server.port === 0 && server.public_url === undefined) {
    report(
      ['server', 'redirect'],
      'cannot say where to go while server.port is 0, a port that is known only once it is taken',
      'Set server.public_url, or a server.port.',
    );
  }
  const { port } = server.redirect;
  if (port === undefined || port === 0) return;
  if (port === server.port) report(['server', 'redirect', 'port'], 'is also server.port', 'Give it its own port.');
  if (port === admin?.port) report(['server', 'redirect', 'port'], 'is also admin.port', 'Give it its own port.');
};

export const listenerTlsDoubts: Rule = (draft, report) => {
  each(draft, (block, path) => {
    doubtTls(block, path, report);
    if (block.ca_file !== undefined && (block.client_certificates ?? 'none') === 'none') {
      const remedy = 'Set client_certificates: request or require, or remove it.';
      report([...path, 'ca_file'], 'has no effect while client_certificates is none', remedy);
    }
  });
  plainPublicUrl(draft, report);
};

function plainPublicUrl({ server }: Draft, report: Report): void {
  if (server?.tls === undefined || server.tls.enabled === false) return;
  if (server.public_url?.startsWith('http:') !== true) return;
  report(['server', 'public_url'], 'is http while server.tls is on', 'Write it with https://.');
}
