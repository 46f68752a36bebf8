import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanReport } from '../../src/cli/scan-report.js';
import { startSim } from '../../src/sim/server.js';
import { candlescan, temporaryDir } from '../support/cli.js';

describe('scan', () => {
  it('prints a report of the whole market as JSON and nothing else on stdout', async () => {
    const { code, stdout } = await candlescan(['scan', '--exchange', 'sim', '--json', '--latency-ms', '5']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as ScanReport;
    expect(report).toMatchObject({ schema: 1, exchange: 'sim', timeframes: ['5m', '15m', '1h'] });
    expect(report.symbols.total).toBeGreaterThanOrEqual(520);
    expect(report.symbols.analyzed).toBeGreaterThan(500);
    expect(report.requests).toMatchObject({ failed: 0, throttled: 0, weightLimit: 2400 });
    expect(report.requests.weight).toBeLessThanOrEqual(0.8 * 2400);
    expect(report.candles.rejected).toBe(0);
    expect(report.signals.length).toBeGreaterThan(0);
    for (const signal of report.signals) {
      expect(signal.strength).toBeGreaterThanOrEqual(0);
      expect(signal.strength).toBeLessThanOrEqual(1);
      expect(signal.reasons.length).toBeGreaterThan(0);
      expect(Date.parse(signal.candleCloseTime)).toBeLessThanOrEqual(Date.parse(report.slot));
      expect(signal.status).toBe('confirmed');
    }
    expect(report.excluded.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['quote', 'contractType', 'status']),
    );
  });

  it('prints for people a table, what was left out and what it cost', async () => {
    const { code, stdout } = await candlescan([
      'scan',
      '--exchange',
      'sim',
      '--symbols',
      '60',
      '--top',
      '3',
      '--latency-ms',
      '5',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/signals? in \d+ of 60 symbols/);
    for (const label of ['skipped', 'excluded', 'stages', 'requests', 'candles']) expect(stdout).toContain(label);
    expect(stdout).not.toContain('\u001b[');
  });

  it('says which of the symbols that were asked for it does not know', async () => {
    const { code, stdout } = await candlescan(['scan', '--exchange', 'sim', '--symbols', 'BTCUSDT,QQQUSDT']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/signals? in 1 of 1 symbols/);
    expect(stdout).toContain('universe.include names QQQUSDT, which is not scanned: not listed by the exchange');
  });
});

describe('the candles of a scan', () => {
  let sim: Awaited<ReturnType<typeof startSim>>;
  beforeAll(async () => {
    const { seededMarket } = await import('../../src/sim/market/seeded/seeded-market.js');
    const { systemClock } = await import('../../src/lib/clock.js');
    const { seededRandom } = await import('../../src/lib/random.js');
    sim = await startSim({
      market: seededMarket({ symbols: 20, seed: 7 }),
      clock: systemClock,
      random: seededRandom(1),
      latencyMs: 1,
    });
  });
  afterAll(() => sim.stop());

  it("equal the exchange's own, digit for digit, and no excluded symbol was asked for", async () => {
    const out = temporaryDir();
    const { code, stdout } = await candlescan([
      'scan',
      '--json',
      '--set',
      `exchange.restUrl=${sim.restUrl}`,
      '--candles-out',
      out,
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as ScanReport;
    const files = readdirSync(out);
    expect(files.length).toBe(report.symbols.total * 3);
    for (const file of files) {
      const [, symbol = '', timeframe = ''] = /^(.+)-(\w+)\.csv$/.exec(file) ?? [];
      const [, ...lines] = readFileSync(join(out, file), 'utf8').trim().split('\n');
      const endTime = Number(lines.at(-1)?.split(',')[0]);
      const url = `${sim.restUrl}/fapi/v1/klines?symbol=${encodeURIComponent(symbol)}&interval=${timeframe}&limit=${lines.length}&endTime=${endTime}`;
      const rows = (await (await fetch(url)).json()) as string[][];
      expect(lines.map((line) => line.split(',').slice(0, 6).map(Number))).toEqual(
        rows.map((row) => row.slice(0, 6).map(Number)),
      );
      expect(lines.every((line) => line.endsWith(',history'))).toBe(true);
    }
    expect(sim.stats()).toMatchObject({ overruns: 0, whileBanned: 0, klinesWithoutLimit: 0, nonTrading: 0 });
  });
});
