import { defineConfig } from 'vitest/config';
import { aliases } from './aliases.mjs';

const { env } = process;
const SOAK = 'test/pipeline/live/soak.test.ts';
const seeds = Number(env['CANDLESCAN_TEST_SEEDS'] ?? 1_000);
const firstSeed = Number(env['CANDLESCAN_TEST_SEED'] ?? 1);
/** The seeds are shared out, so that two cores soak. */
const half = Math.ceil(seeds / 2);
const soak = (name: string, first: number, count: number) => ({
  extends: true as const,
  test: {
    name,
    include: count > 0 ? [SOAK] : [],
    env: { CANDLESCAN_TEST_SEED: String(first), CANDLESCAN_TEST_SEEDS: String(count) },
  },
});

/**
 * What takes longer than a minute: whole scans of recorded markets, and the campaigns of faults that the fast tests run
 * a small part of. More of a campaign on demand: `CANDLESCAN_TEST_SEEDS=10000 npm run test:long`.
 */
export default defineConfig({
  resolve: { alias: aliases },
  test: {
    testTimeout: 900_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // More than cores: most of them wait for slots and processes.
    maxWorkers: 3,
    projects: [
      soak('soak', firstSeed, half),
      soak('soak further', firstSeed + half, seeds - half),
      {
        extends: true,
        test: {
          name: 'long',
          include: [
            'test/long/**/*.test.ts',
            'test/cache/damage.test.ts',
            'test/cache/kill.test.ts',
            'test/pipeline/exchange/klines.test.ts',
            'test/pipeline/stream/frames.test.ts',
          ],
          env: {
            CANDLESCAN_TEST_FRAMES: env['CANDLESCAN_TEST_FRAMES'] ?? '100000',
            CANDLESCAN_TEST_DAMAGES: env['CANDLESCAN_TEST_DAMAGES'] ?? '1500',
            CANDLESCAN_TEST_KILLS: env['CANDLESCAN_TEST_KILLS'] ?? '60',
            CANDLESCAN_TEST_KLINES: env['CANDLESCAN_TEST_KLINES'] ?? '20000',
            CANDLESCAN_TEST_PAYLOADS: env['CANDLESCAN_TEST_PAYLOADS'] ?? '1000000',
          },
        },
      },
    ],
  },
});
