import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { unaskable } from './input-requests.ts';

function judge(inputRequests: object, capabilities: object) {
  const { params } = messageOf({ jsonrpc: '2.0', method: 'x', params: { inputRequests, capabilities } });
  const requests = params?.object('inputRequests');
  if (requests === undefined) throw new Error('no requests');
  return unaskable(requests, params?.object('capabilities'));
}
const elicit = (params?: object) => ({ a: { method: 'elicitation/create', ...(params && { params }) } });
const sample = (params: object = {}) => ({ a: { method: 'sampling/createMessage', params } });
const roots = { a: { method: 'roots/list' } };

describe('a server may ask for', () => {
  it.each<readonly [string, object, object]>([
    ['nothing', {}, {}],
    ['a form, of a client that names no mode', elicit({ message: 'who?' }), { elicitation: {} }],
    ['a form, of a client that names it', elicit({ mode: 'form' }), { elicitation: { form: {}, url: {} } }],
    ['a visit to a page', elicit({ mode: 'url', url: 'https://example.com/a' }), { elicitation: { url: {} } }],
    ['a sample', sample(), { sampling: {} }],
    ['a sample with tools', sample({ tools: [] }), { sampling: { tools: {} } }],
    ['roots', roots, { roots: {} }],
    ['several things', { ...roots, b: { method: 'sampling/createMessage' } }, { roots: {}, sampling: {} }],
  ])('%s', (_, requests, capabilities) => {
    expect(judge(requests, capabilities)).toBeUndefined();
  });
});

describe('a server may not ask for', () => {
  it.each<readonly [string, object, object]>([
    ['another method', { a: { method: 'tools/call' } }, { tools: {} }],
    ['a method in other letters', { a: { method: 'Roots/list' } }, { roots: {} }],
    ['what is no request', { a: 'roots/list' }, { roots: {} }],
    ['roots undeclared', roots, {}],
    ['roots declared as nothing', roots, { roots: null }],
    ['one thing undeclared among others', { ...roots, b: { method: 'sampling/createMessage' } }, { roots: {} }],
    ['a form of a client that visits pages only', elicit({ mode: 'form' }), { elicitation: { url: {} } }],
    ['a visit of a client that fills forms only', elicit({ mode: 'url', url: 'https://a/' }), { elicitation: {} }],
    ['a mode there is not', elicit({ mode: 'voice' }), { elicitation: { form: {}, url: {} } }],
    ['a mode that is no text', elicit({ mode: 7 }), { elicitation: {} }],
    ['a script as a page', elicit({ mode: 'url', url: 'javascript:alert(1)' }), { elicitation: { url: {} } }],
    ['a file as a page', elicit({ mode: 'url', url: 'file:///etc/passwd' }), { elicitation: { url: {} } }],
    ['no page at all', elicit({ mode: 'url' }), { elicitation: { url: {} } }],
    ['tools in a sample undeclared', sample({ toolChoice: {} }), { sampling: {} }],
  ])('%s', (_, requests, capabilities) => {
    expect(judge(requests, capabilities)).toBeTypeOf('string');
  });
});
