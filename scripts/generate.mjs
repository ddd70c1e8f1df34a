// `npm run generate`: writes what is generated from the settings schema. `--check` writes nothing and exits 1 if a file is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const compiled = new URL('../dist/src/config/generate.js', import.meta.url);
if (!existsSync(compiled)) {
  console.error('generate: dist/ is missing; run `npm run build` first');
  process.exit(1);
}
const { generated } = await import(compiled.href);

const check = process.argv.includes('--check');
const stale = [];
for (const [name, content] of generated()) {
  const path = new URL(`../${name}`, import.meta.url);
  if (existsSync(path) && readFileSync(path, 'utf8') === content) continue;
  stale.push(name);
  if (check) continue;
  mkdirSync(dirname(path.pathname), { recursive: true });
  writeFileSync(path, content);
}
for (const name of stale) console.log(check ? `stale: ${name} (run \`npm run generate\`)` : `wrote ${name}`);
if (check && stale.length > 0) process.exitCode = 1;
