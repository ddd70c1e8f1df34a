// The fixture server as a process of its own. Prints {"url","control_url"} when ready; GET control_url/__hits answers the
// requests received so far (bodies in base64), DELETE empties the list. Ends when stdin does.
import { createServer } from 'node:http';
import { startFixtureHttp } from './http.mjs';

const fixture = await startFixtureHttp();
const control = createServer((req, res) => {
  if (req.url !== '/__hits') {
    res.writeHead(404).end();
    return;
  }
  if (req.method === 'DELETE') fixture.clearHits();
  const hits = fixture.hits.map((hit) => ({ ...hit, body: hit.body.toString('base64') }));
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(hits));
});
await new Promise((resolve) => control.listen(0, '127.0.0.1', resolve));
console.log(JSON.stringify({ url: fixture.url, control_url: `http://127.0.0.1:${control.address().port}` }));

process.stdin.on('end', () => process.exit(0)).resume();
