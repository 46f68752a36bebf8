import { defineConfig } from 'vitest/config';

/** What takes longer than a minute or needs more installed: seed and kill campaigns, pm2, Prometheus, a browser. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    testTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
  },
});
