import { defineConfig } from 'vitest/config';
import { aliases } from './aliases.mjs';

/** Tests of what is loaded, and when, need a module registry of their own; the others share one, which halves the time. */
const OF_LOADING = [
  'test/analyzers/indicators/technical.test.ts',
  'test/analyzers/indicators/technical-throws.test.ts',
];

export default defineConfig({
  resolve: { alias: aliases },
  test: {
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**', ...OF_LOADING],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: OF_LOADING } },
    ],
  },
});
