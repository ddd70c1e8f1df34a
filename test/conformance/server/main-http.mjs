// Runs the conformance server over HTTP. Prints one line when it is ready, its URL, and ends when stdin is closed.
import { serveHttp } from './http.mjs';

console.log(await serveHttp());
process.stdin.on('end', () => process.exit(0)).resume();
