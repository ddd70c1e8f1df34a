// Who may come, tried out: `npm run test:ip`, or `node tests/ip-protection-tests.js`.
//
// Real gateways are configured by environment variables and .env alone and called from many addresses: from addresses of this
// machine (127.0.0.x, each another client) by their own sockets, and from public ones through a proxy address that is trusted.
// Each line says who called what and what came back. Ends with `N passed, N failed`, and with 1 when anything failed.
//
// TWENTY_API_KEY may be set and is passed on; nothing here calls Twenty.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { CLI, check, cleanUp, Gateway, PROXY, ROOT, STRANGER } from './ip-protection-gateway.js';
import { PATHS, REFUSED, SCENARIOS, UNKNOWN } from './ip-protection-scenarios.js';

let passed = 0;
let failed = 0;

function report(isGood, ...columns) {
  if (isGood) passed += 1;
  else failed += 1;
  const [who, what, result] = columns;
  console.log(`  ${isGood ? 'ok    ' : 'FAILED'}  ${who.padEnd(58)}  ${what.padEnd(46)}  ${result}`);
}

/** The .env of a scenario; the proxy of this suite is trusted in all of them. */
function dotenvOf(lines) {
  const trusts = lines.some((line) => line.startsWith('TRUSTED_PROXIES='));
  const widened = lines.map((line) => (line.startsWith('TRUSTED_PROXIES=') ? `${line},${PROXY}` : line));
  return `${[...widened, ...(trusts ? [] : [`TRUSTED_PROXIES=${PROXY}`])].join('\n')}\n`;
}

function shown(from, proxy = PROXY) {
  return from.startsWith('127.') && proxy === PROXY ? `${from} (socket)` : `${from} (says ${proxy})`;
}

async function expectPass(gateway, from, { method = 'GET', path = '/health', status = 200, health } = {}) {
  const answer = await gateway.ask(from, { method, path });
  const body = health === undefined ? {} : JSON.parse(answer.text);
  const isGood = answer.status === status && Object.entries(health ?? {}).every(([key, value]) => body[key] === value);
  report(
    isGood,
    shown(from),
    `${method} ${path}`,
    isGood ? `${answer.status} passes` : `${answer.status} ${answer.text}`,
  );
}

async function expectRefusal(gateway, from, { method = 'GET', path = '/health', proxy = PROXY } = {}) {
  const answer = await gateway.ask(from, { method, path, proxy });
  const said = answer.status === 403 ? JSON.parse(answer.text) : {};
  const told = /^(?:Access denied for IP: |Unable to determine client IP address)/.test(said.error_description);
  const isGood = answer.status === 403 && said.error === 'forbidden' && told;
  report(
    isGood,
    shown(from, proxy),
    `${method} ${path}`,
    isGood ? `403 ${said.error_description}` : `${answer.status} ${answer.text}`,
  );
}

async function runScenario(gateway, { title, passes = [], refused = [], forged = [], health }) {
  console.log(`\n${title}`);
  for (const from of passes) await expectPass(gateway, from, health === undefined ? {} : { health });
  for (const from of refused) await expectRefusal(gateway, from);
  for (const from of forged) await expectRefusal(gateway, from, { proxy: STRANGER });
}

/** Real environment variables instead of .env, and every path there is. */
async function runPaths() {
  const gateway = await Gateway.start(undefined, {
    IP_PROTECTION_ENABLED: 'true',
    IP_ALLOWLIST: '192.168.1.0/24,2001:db8::/32',
    IP_BLOCK_UNKNOWN: 'true',
    TRUSTED_PROXIES: PROXY,
  });
  return async () => {
    console.log('\nevery path, configured by the real environment');
    for (const [method, path, status] of PATHS) {
      for (const from of ['127.0.0.1', '192.168.1.7', '2001:db8::7'])
        await expectPass(gateway, from, { method, path, status });
      for (const from of ['203.0.113.1', '2001:db9::7', UNKNOWN]) await expectRefusal(gateway, from, { method, path });
    }
  };
}

async function checkRefused([dotenv, named]) {
  const { code, said } = await check(dotenv);
  const isGood = code === 1 && said.includes(named);
  return () => report(isGood, named, 'sallyport check', isGood ? 'refused, and named' : `${code} ${said}`);
}

async function main() {
  if (!existsSync(CLI)) {
    const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT, stdio: 'inherit' });
    if (status !== 0) throw new Error('the gateway could not be built');
  }
  // What takes a process of its own starts at once; the table keeps its order.
  const [first] = SCENARIOS;
  const others = Promise.all([runPaths(), ...REFUSED.map(checkRefused)]);
  const gateway = await Gateway.start(dotenvOf(first.env));
  await runScenario(gateway, first);
  for (const scenario of SCENARIOS.slice(1)) {
    await gateway.use(dotenvOf(scenario.env));
    await runScenario(gateway, scenario);
  }
  const [paths, ...refusals] = await others;
  await paths();
  console.log('\na list that cannot be read is refused at start');
  for (const tell of refusals) tell();
}

try {
  await main();
} catch (error) {
  failed += 1;
  console.log(`\n${error.stack}`);
} finally {
  await cleanUp();
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
