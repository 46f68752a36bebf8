import { defineConfig } from 'vitest/config';
import { aliases } from './aliases.mjs';

/**
 * What takes longer than a minute: whole scans of recorded markets, and the campaigns of faults that the fast tests run
 * a small part of. More of a campaign on demand: `CANDLESCAN_TEST_DAMAGES=10000 npm run test:long`.
 */
export default defineConfig({
  resolve: { alias: aliases },
  test: {
    include: [
      'test/long/**/*.test.ts',
      'test/cache/damage.test.ts',
      'test/cache/kill.test.ts',
      'test/pipeline/exchange/klines.test.ts',
    ],
    env: {
      CANDLESCAN_TEST_DAMAGES: process.env['CANDLESCAN_TEST_DAMAGES'] ?? '1500',
      CANDLESCAN_TEST_KILLS: process.env['CANDLESCAN_TEST_KILLS'] ?? '60',
      CANDLESCAN_TEST_KLINES: process.env['CANDLESCAN_TEST_KLINES'] ?? '20000',
    },
    testTimeout: 900_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
