// Hundreds of clients in one process, so that the gateway has a processor to itself. Started with its orders over IPC:
// `{ port, groups: [{ path, era, clients, calls }], tokens, seed }`; answers `{ wrong, counts, held, seconds }`.
import { LegacyClient } from './legacy-client.mjs';
import { ModernClient } from './modern-client.mjs';

const KINDS = { legacy: LegacyClient, modern: ModernClient };

function gather({ port, tokens, seed }, { path, era, clients }) {
  const crowd = { port, path, wrong: [], counts: { calls: 0, wrong: 0 }, clients: [] };
  const principals = Object.keys(tokens);
  for (let number = 0; number < clients; number++) {
    const principal = principals[number % principals.length];
    crowd.clients.push(new KINDS[era](crowd, { number, principal, token: tokens[principal], seed }));
  }
  return crowd;
}

/** Everybody at once, until all together have had so many answers or something was wrong. */
async function run(crowd, calls) {
  const { clients, counts } = crowd;
  const began = performance.now();
  const live = async (client) => {
    await client.open();
    while (counts.calls < calls && counts.wrong === 0) await client.step();
  };
  await Promise.all(clients.map(live));
  return (performance.now() - began) / 1000;
}

/** Calls still on hold at the server: none, or somebody cancelled another's call instead of their own. */
async function stillHeld(client) {
  let held;
  for (let looks = 0; held !== '0' && looks < 100; looks++) {
    const exchange = client.call(client.wires[0], 1, 'held');
    await exchange.done;
    held = exchange.heard.answer?.result?.content?.[0]?.text;
    if (held !== '0') await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return held;
}

process.on('message', async (orders) => {
  const crowds = orders.groups.map((group) => gather(orders, group));
  const reports = await Promise.all(
    orders.groups.map(async ({ calls, path }, at) => {
      const crowd = crowds[at];
      const seconds = await run(crowd, calls);
      const held = crowd.counts.wrong === 0 ? await stillHeld(crowd.clients[0]) : undefined;
      if (crowd.counts.wrong === 0) await Promise.all(crowd.clients.map((client) => client.close()));
      for (const client of crowd.clients) client.hangUp();
      return { path, wrong: crowd.wrong, counts: crowd.counts, held, seconds };
    }),
  );
  process.send(reports);
});
process.on('disconnect', () => process.exit());
