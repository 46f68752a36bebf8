import { describe, expect, it } from 'vitest';
import { temporaryDir } from '../support/cache.js';
import { damageCampaign } from '../support/cache-damage.js';

/** The long campaign of the fault matrix is 10,000. */
const CASES = Number(process.env['CANDLESCAN_TEST_DAMAGES'] ?? 150);

describe('a damaged cache directory', () => {
  it(`serves nothing wrong, counts every damaged segment and heals it (D5, ${CASES} cases)`, async () => {
    const report = await damageCampaign(temporaryDir(), { cases: CASES, seed: 5, part: 'content-v' });
    expect(report).toEqual({ cases: CASES, wrong: 0, uncounted: 0, unhealed: 0 });
  }, 600_000);

  it(`serves nothing wrong and heals whatever happens to the index (D6, ${CASES} cases)`, async () => {
    const report = await damageCampaign(temporaryDir(), { cases: CASES, seed: 6, part: 'index-v' });
    expect(report).toEqual({ cases: CASES, wrong: 0, uncounted: 0, unhealed: 0 });
  }, 600_000);
});
