import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long begin first: one of them begun last would run alone while every other worker has nothing to do. */
const LONG = [
  'isolation/isolation',
  'e2e/inspector',
  'conformance/conformance',
  'tls/scanners',
  'faults/child-calls',
  'e2e/bench',
];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at === -1 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

// `unit` runs from source. `e2e` runs the compiled dist/ as a user would; `npm test` compiles first, `npm run test:unit` need not.
export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      {
        test: {
          name: 'unit',
          maxWorkers: 2,
          // A process for each file would take longer than what is in most of them.
          isolate: false,
          include: ['src/**/*.test.ts', 'servers/**/*.test.ts', 'test/architecture/**/*.test.ts', 'fuzz/*.test.ts'],
          testTimeout: 10_000,
          hookTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/{support,e2e,attack,proxies,faults,isolation,streaming,conformance,tls}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Each file starts real servers and gateways, and some of its time waits for them: one more than the two processors we have.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
