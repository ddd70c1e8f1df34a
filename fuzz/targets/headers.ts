import { RequestHeaders } from '../../src/http/request-headers.ts';
import { isScanFailure, scanMessage } from '../../src/jsonrpc/scan.ts';
import { disagreement } from '../../src/protocol/agreement.ts';
import { classify, isProblem } from '../../src/protocol/classify.ts';
import { decodeSentinel, encodeSentinel } from '../../src/protocol/sentinel.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';

const SAFE_FIELD = /^[\t\x20-\x7e]*$/;
const NAMES = ['Mcp-Name', 'mcp-method', 'MCP-Protocol-Version', 'Mcp-Session-Id', 'Accept', 'Mcp-Param-X', 'Host'];

/** Every text survives the trip through a header, and every header has one reading. */
function checkSentinel(text: string): void {
  const encoded = encodeSentinel(text);
  must(SAFE_FIELD.test(encoded) && encoded.trim() === encoded, 'a header value that HTTP would not carry unharmed');
  mustEqual(
    decodeSentinel(encoded),
    text.replace(/\p{Surrogate}/gu, '\ufffd'),
    'a value after its trip through a header',
  );
  const decoded = decodeSentinel(text);
  if (decoded === undefined || decoded === text) return;
  mustEqual(decodeSentinel(encodeSentinel(decoded)), decoded, 'a decoded value, encoded again');
  mustEqual(`=?base64?${Buffer.from(decoded).toString('base64')}?=`, text, 'a second spelling of one value');
}

/** Headers that say what the body says are agreed with, any other name is not. */
function checkAgreement(name: string, header: string): void {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, _meta: meta } };
  const message = scanMessage(Buffer.from(JSON.stringify(body)));
  if (isScanFailure(message)) return must(/\p{Surrogate}/u.test(name), `refused: ${message.detail}`);
  const honest = { mcpMethod: 'tools/call', mcpName: encodeSentinel(name), params: [] };
  mustEqual(disagreement(honest, message), undefined, 'honest headers');
  const other = disagreement({ mcpMethod: 'tools/call', mcpName: header, params: [] }, message);
  if (decodeSentinel(header) !== name) must(other !== undefined, 'a header that names another tool was agreed with');
}

export const headers: Target = {
  name: 'headers',
  weight: 10,
  maxBytes: 512,
  dictionary: ['=?base64?', '?=', '=?BASE64?', '=', '==', '-', '_', ' ', '\t', '\r\n', '\0', '\x7f', 'é', '2026-07-28'],
  generate(random: Random): Buffer {
    const text = random.pick([
      'echo',
      'get_weather',
      'grüße 🏰',
      ' padded ',
      'a\r\nb',
      '',
      '=?base64?',
      'x'.repeat(60),
    ]);
    if (random.once(2)) return Buffer.from(text);
    return Buffer.from(`=?base64?${Buffer.from(text).toString(random.once(4) ? 'base64url' : 'base64')}?=`);
  },
  check(bytes, random) {
    const text = bytes.toString(random.once(2) ? 'utf8' : 'latin1');
    checkSentinel(text);
    const at = random.below(text.length + 1);
    checkAgreement(text.slice(0, at), text.slice(at));
    checkAgreement(text, text);
    const raw = text.split(/\r?\n/).flatMap((line) => [random.pick(NAMES), line]);
    const read = new RequestHeaders(raw);
    const found = classify(read, []);
    if (isProblem(found)) must(found.status >= 400 && found.status < 500, 'a header that is no fault of the client');
  },
};
