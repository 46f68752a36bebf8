import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ScanReport } from '../../src/cli/scan-report.js';
import { systemClock } from '../../src/lib/clock.js';
import { startSimProcess } from '../../src/sim/process.js';
import { candlescan, MAIN, temporaryDir } from '../support/cli.js';

const data = process.env['CANDLESCAN_TEST_DATA'];

/** The rows of a file without their times, oldest first; the exchange shows them shifted so that they end now. */
function valuesOf(file: string): string[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  return text
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.split(',').slice(1, 6).map(Number).join());
}

async function scanRecording(folder: string) {
  const sim = await startSimProcess({ argv: [MAIN, 'sim', '--csv', folder], clock: systemClock });
  try {
    const cwd = temporaryDir();
    const run = await candlescan(
      ['scan', '--json', '--set', `exchange.restUrl=${sim.restUrl}`, '--candles-out', 'used'],
      {},
      cwd,
    );
    const stats = (await (await fetch(`${sim.restUrl}/sim/stats`)).json()) as Record<string, number>;
    return { run, report: JSON.parse(run.stdout) as ScanReport, used: join(cwd, 'used'), stats };
  } finally {
    await sim.stop();
  }
}

describe.skipIf(!data)('a scan of recorded candles (skipped without CANDLESCAN_TEST_DATA)', () => {
  const candles = join(data ?? '', 'candles');

  it.each(data ? readdirSync(candles) : [])(
    '%s: every candle used is the recorded one, digit for digit',
    async (name) => {
      const folder = join(candles, name);
      const { run, report, used, stats } = await scanRecording(folder);
      expect(run.code).toBe(0);
      expect(report.candles.rejected).toBe(0);
      expect(report.requests.failed).toBe(0);
      expect(stats).toMatchObject({ overruns: 0, whileBanned: 0, klinesWithoutLimit: 0, nonTrading: 0 });
      const recordings = new Map(readdirSync(folder).map((file) => [file.replace(/\.csv(\.gz)?$/, ''), file]));
      let compared = 0;
      for (const file of readdirSync(used)) {
        const recording = recordings.get(file.replace(/\.csv$/, ''));
        if (recording === undefined) continue;
        const recorded = valuesOf(join(folder, recording));
        const shown = valuesOf(join(used, file));
        // Timeframes of one symbol may end at different times; what is shown is a run of the recording without a hole.
        expect(recorded.join('\n')).toContain(shown.join('\n'));
        compared += shown.length;
      }
      expect(compared).toBeGreaterThan(90);
    },
  );

  it('X14: a delisted symbol whose candles are flat and empty never signals', async () => {
    const { report } = await scanRecording(join(candles, 'event_binance-delisted-FTT-2022-11_MuTheBug'));
    expect(report.signals).toEqual([]);
    expect(report.withheld.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([expect.stringMatching(/flat|halted/)]),
    );
  });

  it('finds signals in a real market', async () => {
    const { report } = await scanRecording(join(candles, 'binance-um-perp_2025-10_won9892000'));
    expect(report.symbols.analyzed).toBe(68);
    expect(report.signals.length).toBeGreaterThan(0);
  });
});

describe('a scan of the whole embedded market', () => {
  it('breaks no limit, asks for no excluded symbol, and sends a limit with every klines request', async () => {
    const sim = await startSimProcess({ argv: [MAIN, 'sim', '--latency-ms', '20'], clock: systemClock });
    try {
      const cwd = temporaryDir();
      for (let scan = 0; scan < 2; scan++) {
        const { code } = await candlescan(
          ['scan', '--json', '--set', `exchange.restUrl=${sim.restUrl}`, '--data-dir', `data${scan}`],
          {},
          cwd,
        );
        expect(code).toBe(0);
      }
      const stats = (await (await fetch(`${sim.restUrl}/sim/stats`)).json()) as Record<string, number>;
      expect(stats).toMatchObject({ overruns: 0, whileBanned: 0, klinesWithoutLimit: 0, nonTrading: 0, symbols: 530 });
      expect(stats['maxWeightPerMinute']).toBeLessThanOrEqual(1920);
    } finally {
      await sim.stop();
    }
  });
});
