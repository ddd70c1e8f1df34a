import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cycles, floorViolations } from './floors.ts';
import { source, sourcesUnder } from './source.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const production = sourcesUnder(root, 'src', ['.ts']).filter((file) => !file.path.endsWith('.test.ts'));

describe('the floors', () => {
  it('hold in src/', () => {
    expect(production.length).toBeGreaterThan(0);
    expect(floorViolations(production)).toEqual([]);
  });

  it.each([
    ['upwards', 'src/net/address.ts', "import { x } from '../config/schema.ts';"],
    ['upwards, for a type only', 'src/net/address.ts', "import type { X } from '../config/schema.ts';"],
    ['sideways', 'src/audit/record.ts', "import { x } from '../access/decide.ts';"],
    ['sideways through a re-export', 'src/audit/record.ts', "export * from '../access/decide.ts';"],
    ['sideways when run', 'src/audit/record.ts', "const x = await import('../access/decide.ts');"],
    ['sideways for its effect', 'src/audit/record.ts', "import '../access/decide.ts';"],
    ['a value of a module that shares types', 'src/access/decide.ts', "import { ROLES } from '../identity/roles.ts';"],
    ['a shared type from a lower floor', 'src/http/exchange.ts', "import type { P } from '../identity/principal.ts';"],
    ['the composition root', 'src/proxy/forward.ts', "import { app } from '../app.ts';"],
    ['the command line', 'src/app.ts', "import { main } from './cli/main.ts';"],
    ['something outside src/', 'src/policy/engine.ts', "import { x } from '../../test/support/wait.ts';"],
    ['a module nobody knows', 'src/policy/engine.ts', "import { x } from '../gadgets/x.ts';"],
  ])('refuse an import that goes %s', (_, path, text) => {
    expect(floorViolations([source(path, text)])).toHaveLength(1);
  });

  it('refuse a file that belongs to no module', () => {
    expect(floorViolations([source('src/gadgets/x.ts', ''), source('src/stray.ts', '')])).toHaveLength(2);
  });

  it.each([
    ['down', 'src/config/schema.ts', "import { x } from '../net/address.ts';"],
    ['within a module', 'src/net/address.ts', "import { x } from './cidr.ts';"],
    ['down into a folder of a module', 'src/policy/steps/network.ts', "import { x } from '../../net/address.ts';"],
    [
      'to a shared type of the same floor',
      'src/access/decide.ts',
      "import type { P } from '../identity/principal.ts';",
    ],
    ['from the composition root to everything', 'src/app.ts', "import { x } from './admin/routes.ts';"],
    ['from the command line to the composition root', 'src/cli/main.ts', "import { x } from '../app.ts';"],
    ['to a package', 'src/net/address.ts', "import { isIP } from 'node:net';"],
  ])('allow an import that goes %s', (_, path, text) => {
    expect(floorViolations([source(path, text)])).toEqual([]);
  });
});

describe('import cycles', () => {
  it('are absent in src/', () => {
    expect(cycles(production)).toEqual([]);
  });

  it('are found through any number of files', () => {
    const ring = [
      source('src/net/a.ts', "import { b } from './b.ts';"),
      source('src/net/b.ts', "export { c } from './c.ts';"),
      source('src/net/c.ts', "import {\n  a,\n} from './a.ts';"),
    ];
    expect(cycles(ring)).toEqual(['src/net/a.ts -> src/net/b.ts -> src/net/c.ts -> src/net/a.ts']);
  });

  it('are not made by type imports, which are erased', () => {
    const pair = [
      source('src/net/a.ts', "import type { B } from './b.ts';"),
      source('src/net/b.ts', "import { a } from './a.ts';"),
    ];
    expect(cycles(pair)).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('sees every form and no text that looks like one', () => {
    const text = [
      "import a, { type B } from './one.ts';",
      "import type { C } from './two.ts'; // import { x } from './comment.ts'",
      "import * as d from './three.ts';",
      "/* import './block.ts' */ export { e } from './four.ts';",
      'const s = "import { y } from \'./string.ts\'";',
      `const t = \`import './template.ts' \${await import('./five.ts')} import './more.ts'\`;`,
      "const r = /import '\\.\\/regex.ts'[/'\"]/; import './six.ts';",
      'const q = a / b; import("./seven.ts"); const z = 1 / 2;',
    ].join('\n');
    expect(source('src/net/x.ts', text).imports).toEqual([
      { specifier: './one.ts', typeOnly: false },
      { specifier: './two.ts', typeOnly: true },
      { specifier: './three.ts', typeOnly: false },
      { specifier: './four.ts', typeOnly: false },
      { specifier: './five.ts', typeOnly: false },
      { specifier: './six.ts', typeOnly: false },
      { specifier: './seven.ts', typeOnly: false },
    ]);
  });
});
