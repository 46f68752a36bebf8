import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ScanReport } from '../../src/cli/scan-report.js';
import { systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import type { FaultRuleInput } from '../../src/sim/faults/rule.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, startSim } from '../../src/sim/server.js';
import { candlescan, temporaryDir } from '../support/cli.js';

// The scan as its user runs it, against an exchange that is ill. What one request does about each fault is tested
// beside the client; here it is what the whole scan does.

const SYMBOLS = 24;
const KLINES = '/fapi/v1/klines';
let sim: Sim | null = null;

afterEach(async () => {
  await sim?.stop();
  sim = null;
});

async function exchange(faults: readonly FaultRuleInput[], weightLimit = 2_400): Promise<Sim> {
  sim = await startSim({
    market: seededMarket({ symbols: SYMBOLS, seed: 3, now: systemClock.now() }),
    clock: systemClock,
    random: seededRandom(1),
    faults,
    weightLimit,
  });
  return sim;
}

async function scan(url: string, more: readonly string[] = [], cwd = temporaryDir()) {
  const run = await candlescan(['scan', '--json', '--set', `exchange.restUrl=${url}`, ...more], {}, cwd);
  return { ...run, report: run.stdout === '' ? null : (JSON.parse(run.stdout) as ScanReport), cwd };
}

function reasons(report: ScanReport | null): Record<string, number> {
  const counts: Record<string, number> = {};
  // The market has a young listing, as the real one has.
  const skipped = (report?.symbols.skipped ?? []).filter(({ reason }) => reason !== 'warmup');
  for (const { reason } of skipped) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

describe('a scan of an ill exchange', () => {
  it('X1: after a 429 on one request sends nothing until the time given, then completes', async () => {
    const ill = await exchange([{ path: KLINES, count: 1, action: { type: 'limited', retryAfter: '1' } }]);
    const { code, report } = await scan(ill.restUrl);
    expect(code).toBe(0);
    expect(report?.requests).toMatchObject({ throttled: 1, failed: 0 });
    expect(report?.durationMs).toBeGreaterThan(900);
    expect(reasons(report)).toEqual({});
    expect(ill.stats()).toMatchObject({ overruns: 0, whileBanned: 0 });
  });

  it('X2: after a 418 publishes what it has, and the next start sends nothing while the ban lasts', async () => {
    const ill = await exchange([{ path: KLINES, after: 40, action: { type: 'banned', forMs: 600_000 } }]);
    const first = await scan(ill.restUrl, ['--set', 'cycle.deadline=4s', '--set', 'batch.requestsInFlight=1']);
    expect(first.report?.requests.throttled).toBe(1);
    expect(reasons(first.report).budget).toBeGreaterThan(20);
    expect(first.report?.symbols.analyzed).toBeGreaterThan(10);
    const hold = JSON.parse(readFileSync(join(first.cwd, 'data', 'exchange-hold.json'), 'utf8')) as {
      until: number;
      reason: string;
    };
    expect(hold.reason).toBe('banned');
    const until = new Date(hold.until).toISOString().slice(0, 16);
    expect(first.report?.warnings).toEqual([expect.stringContaining(`requests from this address until ${until}`)]);
    const sent = ill.stats().total;
    const second = await scan(ill.restUrl, [], first.cwd);
    expect(second.code).toBe(69);
    expect(second.stderr).toContain(until);
    expect(ill.stats().total).toBe(sent);
  });

  it('X3: with a third of all replies 5xx retries within its budget and publishes the rest', async () => {
    const ill = await exchange([{ path: KLINES, everyNth: 12, action: { type: 'unavailable', variant: 'service' } }]);
    const { code, report } = await scan(ill.restUrl);
    expect(code).toBe(0);
    expect(report?.requests.retried).toBeGreaterThan(0);
    expect(report?.requests.retried).toBeLessThanOrEqual(10 + 0.1 * (SYMBOLS * 3 + 2));
  });

  it('X3: gives up soon, with exit code 69, when the exchange answers nothing but 5xx', async () => {
    const ill = await exchange([{ action: { type: 'unavailable', variant: 'internal' } }]);
    const { code, stdout } = await scan(ill.restUrl);
    expect(code).toBe(69);
    expect(stdout).toBe('');
    expect(ill.stats().total).toBeLessThanOrEqual(6);
  });

  it('X4, X5: accepts no candle from HTML, empty objects or cut JSON, and says rejected', async () => {
    const ill = await exchange([
      { path: KLINES, symbol: 'BTCUSDT', interval: '5m', action: { type: 'html' } },
      { path: KLINES, symbol: 'ETHUSDT', interval: '5m', action: { type: 'json', value: {} } },
      { path: KLINES, symbol: 'SOLUSDT', interval: '5m', action: { type: 'truncate', bytes: 2_000 } },
    ]);
    const { code, report } = await scan(ill.restUrl);
    expect(code).toBe(0);
    expect(reasons(report)).toEqual({ rejected: 3 });
    const rejected = report?.symbols.skipped.filter(({ reason }) => reason === 'rejected');
    expect(rejected?.every(({ have }) => have === 0)).toBe(true);
    expect(report?.symbols.analyzed).toBe(SYMBOLS);
  });

  it('X6: a symbol whose replies stall costs its own result only', async () => {
    const ill = await exchange([{ path: KLINES, symbol: 'BTCUSDT', action: { type: 'stall', bytes: 100 } }]);
    const { code, report } = await scan(ill.restUrl, ['--set', 'exchange.requestTimeout=2s']);
    expect(code).toBe(0);
    expect(reasons(report)).toEqual({ timeout: 3 });
    expect(report?.symbols.analyzed).toBe(SYMBOLS - 1);
  });

  it('X12: repairs a hole that asking again closes, and names the one that stays', async () => {
    const ill = await exchange([
      { path: KLINES, symbol: 'BTCUSDT', interval: '5m', count: 1, action: { type: 'rows', change: 'dropMiddle' } },
      { path: KLINES, symbol: 'ETHUSDT', interval: '5m', action: { type: 'rows', change: 'dropMiddle' } },
      { path: KLINES, symbol: 'SOLUSDT', interval: '5m', action: { type: 'rows', change: 'reverse' } },
    ]);
    const { code, report } = await scan(ill.restUrl);
    expect(code).toBe(0);
    expect(report?.gaps).toEqual({ repaired: 1, unrepaired: 1 });
    expect(report?.symbols.skipped.map(({ symbol, reason }) => [symbol, reason])).toContainEqual([
      'SOLUSDT',
      'rejected',
    ]);
    expect(report?.signals.some(({ symbol, timeframe }) => symbol === 'SOLUSDT' && timeframe === '5m')).toBe(false);
  });

  it('X14: a symbol that the exchange no longer knows is delisted, without a retry', async () => {
    const ill = await exchange([
      {
        path: KLINES,
        symbol: 'BTCUSDT',
        action: { type: 'status', status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}' },
      },
    ]);
    const { report } = await scan(ill.restUrl);
    expect(reasons(report)).toEqual({ delisted: 3 });
    expect(report?.requests).toMatchObject({ retried: 0, failed: 3 });
  });

  it('waits for the next minute rather than to break a limit that another process has used up', async () => {
    const ill = await exchange([], 60);
    const { report } = await scan(ill.restUrl, ['--set', 'cycle.deadline=3s', '--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT']);
    expect(report?.symbols.analyzed).toBe(3);
    expect(ill.stats()).toMatchObject({ overruns: 0 });
    expect(ill.stats().maxWeightPerMinute).toBeLessThanOrEqual(48);
  });
});
