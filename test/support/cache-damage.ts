import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CandleCache } from '../../src/cache/tiers.js';
import type { Series } from '../../src/domain/series.js';
import { type Random, seededRandom } from '../../src/lib/random.js';
import { contentOf, NOW, openCache, randomSeries } from './cache.js';
import { FakeClock } from './fake-clock.js';

export const DAMAGES = ['flip', 'truncate', 'zero', 'append', 'swap', 'directory', 'chmod'] as const;
export type Damage = (typeof DAMAGES)[number];

const asRoot = process.getuid?.() === 0;

/** All files below `dir/part*`, sorted: `content-v` for segments, `index-v` for index buckets. */
export function filesOf(dir: string, part: 'content-v' | 'index-v' | 'tmp'): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.startsWith(join(dir, part)))
    .sort();
}

/** Damages one of `files` (two for a swap); returns how many files a reader must notice. */
export function inflict(damage: Damage, files: readonly string[], random: Random): number {
  const at = Math.floor(random() * files.length);
  const path = files[at] as string;
  const bytes = readFileSync(path);
  switch (damage) {
    case 'flip': {
      const bit = Math.floor(random() * bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      writeFileSync(path, bytes);
      return 1;
    }
    case 'truncate':
      truncateSync(path, Math.floor(random() * bytes.length));
      return 1;
    case 'zero':
      writeFileSync(path, Buffer.alloc(bytes.length));
      return 1;
    case 'append':
      writeFileSync(path, Buffer.concat([bytes, Buffer.from('more')]));
      return 1;
    case 'swap': {
      const other = files[(at + 1) % files.length] as string;
      renameSync(path, `${path}.swap`);
      renameSync(other, path);
      renameSync(`${path}.swap`, other);
      return 2;
    }
    case 'directory':
      rmSync(path);
      mkdirSync(path);
      return 1;
    case 'chmod':
    default:
      chmodSync(path, 0o000);
      return asRoot ? 0 : 1;
  }
}

export interface CampaignReport {
  readonly cases: number;
  readonly wrong: number;
  /** Damages of segments that were not counted as corrupt. */
  readonly uncounted: number;
  /** Series that were not readable from disk after they had been fetched and flushed once. */
  readonly unhealed: number;
}

/**
 * Damages a stored market `cases` times at random. After each: starts, compares all that is served with the truth,
 * puts in what is missing (as a fetch from the exchange would), stops, and starts again.
 */
export async function damageCampaign(
  dir: string,
  options: { readonly cases: number; readonly seed: number; readonly part: 'content-v' | 'index-v' },
): Promise<CampaignReport> {
  const random = seededRandom(options.seed);
  const truth = Array.from({ length: 24 }, (_, seed) => randomSeries(`S${seed}USDT`, '5m', { seed, count: 20 }));
  const clock = new FakeClock(NOW);
  const keys = truth.map(({ symbol, timeframe }) => ({ symbol, timeframe }));
  const repair = async (cache: CandleCache) => {
    const missing = truth.filter(({ symbol, timeframe }) => cache.peek(symbol, timeframe) === null);
    for (const series of missing) cache.put(series);
    await cache.stop();
    return missing.length;
  };
  const wrongIn = (cache: CandleCache) =>
    truth.filter((series) => {
      const held = cache.peek(series.symbol, series.timeframe);
      return held !== null && !sameContent(held, series);
    }).length;
  await repair(await openCache(dir, { clock }));

  let [wrong, uncounted, unhealed] = [0, 0, 0];
  for (let index = 0; index < options.cases; index++) {
    clock.jump(1);
    const damage = DAMAGES[Math.floor(random() * DAMAGES.length)] as Damage;
    const noticed = inflict(damage, filesOf(dir, options.part), random);
    const first = await openCache(dir, { clock });
    await first.load(keys);
    const corrupt = Object.values(first.stats().l2.corrupt).reduce((sum, count) => sum + count, 0);
    if (options.part === 'content-v' && corrupt !== noticed) uncounted += 1;
    wrong += wrongIn(first);
    await repair(first);
    const second = await openCache(dir, { clock });
    await second.load(keys);
    wrong += wrongIn(second);
    unhealed += await repair(second);
  }
  return { cases: options.cases, wrong, uncounted, unhealed };
}

function sameContent(a: Series, b: Series): boolean {
  return JSON.stringify(contentOf(a)) === JSON.stringify(contentOf(b));
}
