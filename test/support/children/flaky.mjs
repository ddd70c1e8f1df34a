// Dies at once while the file it is given exists; otherwise it is server.mjs, legacy.
import { existsSync } from 'node:fs';

if (existsSync(process.argv[2])) process.exit(7);
process.argv.splice(2, 1, 'legacy');
await import('./server.mjs');
