import { defineConfig } from 'vitest/config';

// `unit` runs from source. `e2e` runs the compiled dist/ as a user would; `npm test` compiles first, `npm run test:unit` need not.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'servers/**/*.test.ts', 'test/architecture/**/*.test.ts', 'fuzz/*.test.ts'],
          testTimeout: 10_000,
          hookTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/{support,e2e,attack,faults,isolation,streaming,conformance}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Each file starts real servers and gateways: more at once only makes them wait for each other.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
