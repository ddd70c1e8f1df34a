// Tools of 2026-07-28 that need more than one round: they answer `input_required` until the retry brings what they asked for.
import { acceptedContent, CLIENT_CAPABILITIES_META_KEY, inputRequired } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './media.mjs';

const form = (name, type = 'string') => ({ type: 'object', properties: { [name]: { type } }, required: [name] });
export const askFor = (name, type) =>
  inputRequired.elicit({ message: `Your ${name}?`, requestedSchema: form(name, type) });
const sampleOf = (question) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: question } }],
    maxTokens: 50,
  });

export function registerRoundTrips(server, seal) {
  const tool = (name, handler) => {
    const options = { description: 'Asks before it answers', inputSchema: z.object({}) };
    server.registerTool(name, options, (_, ctx) => handler(ctx.mcpReq, ctx.mcpReq.inputResponses));
  };
  registerSingleRounds(tool);
  registerSealedRounds((name, handler) => tool(`test_input_required_result_${name}`, handler), seal);
}

function registerSingleRounds(tool) {
  tool('test_missing_capability', (_, answers) =>
    answers?.word === undefined ? inputRequired({ inputRequests: { word: sampleOf('A word?') } }) : text('answered'),
  );
  tool('test_input_required_result_elicitation', (_, answers) => {
    const name = acceptedContent(answers, 'user_name')?.name;
    if (typeof name !== 'string') return inputRequired({ inputRequests: { user_name: askFor('name') } });
    return text(`Hello, ${name}!`);
  });
  tool('test_input_required_result_sampling', (_, answers) => {
    const said = answers?.capital_question?.content?.text;
    if (said === undefined) return inputRequired({ inputRequests: { capital_question: sampleOf('The capital?') } });
    return text(`The model says: ${said}`);
  });
  tool('test_input_required_result_list_roots', (_, answers) => {
    const roots = answers?.client_roots?.roots;
    if (!Array.isArray(roots)) return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    return text(`Roots: ${roots.map((root) => root.uri).join(', ')}`);
  });
  tool('test_input_required_result_capabilities', ({ envelope }, answers) => {
    if (answers !== undefined) return text('answered');
    const declared = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
    const inputRequests = {
      ...(declared.elicitation && { user_name: askFor('name') }),
      ...(declared.sampling && { greeting: sampleOf('A greeting?') }),
      ...(declared.roots && { client_roots: inputRequired.listRoots() }),
    };
    return Object.keys(inputRequests).length === 0 ? text('nothing to ask with') : inputRequired({ inputRequests });
  });
}

/** These carry a `requestState`; one that was tampered with is refused before a handler runs. */
function registerSealedRounds(tool, seal) {
  const sealed = async (inputRequests, state) =>
    inputRequired({ inputRequests, requestState: await seal.mint({ nonce: crypto.randomUUID(), ...state }) });

  for (const name of ['request_state', 'tampered_state']) {
    tool(name, (request, answers) =>
      request.requestState() !== undefined && acceptedContent(answers, 'confirm') !== undefined
        ? text('state-ok')
        : sealed({ confirm: askFor('ok', 'boolean') }, {}),
    );
  }
  tool('multiple_inputs', (_, answers) => {
    const name = acceptedContent(answers, 'user_name')?.name;
    const greeting = answers?.greeting?.content?.text;
    const roots = answers?.client_roots?.roots;
    if (name !== undefined && greeting !== undefined && roots !== undefined) return text(`${greeting} ${name}`);
    const asked = {
      user_name: askFor('name'),
      greeting: sampleOf('A greeting?'),
      client_roots: inputRequired.listRoots(),
    };
    return sealed(asked, {});
  });
  tool('multi_round', (request, answers) => {
    const { round = 0, name } = request.requestState() ?? {};
    if (round === 0) return sealed({ step1: askFor('name') }, { round: 1 });
    if (round === 1) {
      return sealed({ step2: askFor('color') }, { round: 2, name: acceptedContent(answers, 'step1')?.name });
    }
    return text(`${name} likes ${acceptedContent(answers, 'step2')?.color}`);
  });
}
