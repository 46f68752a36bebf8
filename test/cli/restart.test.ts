import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ScanReport } from '../../src/cli/scan-report.js';
import { systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, startSim } from '../../src/sim/server.js';
import { filesOf } from '../support/cache-damage.js';
import { candlescan, MAIN, temporaryDir } from '../support/cli.js';

const SYMBOLS = 20;
let sim: Sim;
let cwd: string;

beforeEach(async () => {
  cwd = temporaryDir();
  const market = seededMarket({ symbols: SYMBOLS, seed: 5, now: systemClock.now() });
  sim = await startSim({ market, clock: systemClock, random: seededRandom(1) });
});
afterEach(() => sim.stop());

async function scan(...more: string[]): Promise<ScanReport> {
  const run = await candlescan(['scan', '--json', '--set', `exchange.restUrl=${sim.restUrl}`, ...more], {}, cwd);
  expect(run.code).toBe(0);
  return JSON.parse(run.stdout) as ScanReport;
}

const contentFiles = () => filesOf(join(cwd, 'data', 'cache'), 'content-v');

/** Whoever waits to read the pipe is told that there is nothing in it. */
function answerReaders(pipe: string): void {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    // Nobody waits.
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
  }
}

describe('a restart', () => {
  it('finds the candles of the run before on disk and asks only for the list of markets', async () => {
    const first = await scan('--candles-out', 'first');
    const sent = sim.stats().total;
    const second = await scan('--candles-out', 'second');
    // A candle may have closed between the two; then its series alone are asked for.
    if (second.slot === first.slot) {
      expect(sim.stats().total - sent).toBe(1 + first.symbols.skipped.filter(({ have }) => have === 0).length);
      expect(second.signals).toEqual(first.signals);
    }
    expect(second.candles.cache).toBeGreaterThan(0.95 * first.candles.history);
    expect(second.cache.l2.hits).toBeGreaterThanOrEqual(SYMBOLS * 3 - 2);
    const bare = (folder: string, file: string) =>
      new Map(
        readFileSync(join(cwd, folder, file), 'utf8')
          .split('\n')
          .slice(1)
          .map((line) => [line.split(',')[0], line.replace(/,\w+$/, '')]),
      );
    for (const file of await readdir(join(cwd, 'first'))) {
      const before = bare('first', file);
      for (const [openTime, line] of bare('second', file))
        if (before.has(openTime)) expect(line).toBe(before.get(openTime));
    }
  });

  it('says again what analyzers said of the same candles, and asks them when they are others', async () => {
    // A slot that lasts.
    const slots = async (...more: string[]) => scan('--timeframes', '12h', ...more);
    let [first, second] = [await slots(), await slots()];
    if (second.slot !== first.slot) [first, second] = [second, await slots()];
    expect(first.cache.results).toMatchObject({ hits: 0, entries: SYMBOLS });
    expect(second.cache.results).toEqual({ hits: SYMBOLS, misses: 0, entries: SYMBOLS });
    expect(second.signals).toEqual(first.signals);
    expect(second.withheld).toEqual(first.withheld);
    expect(second.stages.analyzeMs).toBe(0);
    const other = await slots('--set', 'analyzers.enabled=[{name: momentum, parameters: {rsi: 9}}]');
    expect(other.cache.results).toMatchObject({ hits: 0, misses: SYMBOLS });
    expect(new Set(other.signals.map(({ analyzer }) => analyzer))).toEqual(
      new Set(other.signals.length === 0 ? [] : ['momentum']),
    );
    expect(other.stages.analyzeMs).toBeGreaterThan(0);
  });

  it('D5: fetches again what is damaged on disk, and nothing wrong is used', async () => {
    const first = await scan();
    const files = contentFiles();
    expect(files.length).toBeGreaterThan(3);
    for (const [index, file] of files.entries()) {
      const bytes = readFileSync(file);
      if (index % 3 === 0) rmSync(file);
      else if (index % 3 === 1) writeFileSync(file, bytes.subarray(0, bytes.length >> 1));
      else writeFileSync(file, bytes.fill(0, 40, 60));
    }
    const second = await scan();
    expect(second.candles.cache).toBe(0);
    if (second.slot === first.slot) expect(second.signals).toEqual(first.signals);
    const third = await scan();
    expect(third.candles.cache).toBeGreaterThan(0.95 * second.candles.history);
  });

  it('is as good as a first start when the cache is no directory at all: a failing disk only costs speed', async () => {
    writeFileSync(join(cwd, 'file'), 'not a directory');
    const report = await scan('--set', `cache.l2Dir=${join(cwd, 'file', 'cache')}`);
    expect(report.candles.cache).toBe(0);
    expect(report.symbols.analyzed).toBe(SYMBOLS);
  });

  it('waits three seconds for a disk that does not answer, and asks the exchange for everything', async () => {
    await scan();
    const files = contentFiles();
    for (const file of files) {
      rmSync(file);
      // Whoever opens it to read waits for a writer.
      execFileSync('mkfifo', [file]);
    }
    const child = spawn(process.execPath, [MAIN, 'scan', '--json', '--set', `exchange.restUrl=${sim.restUrl}`], {
      cwd,
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const report = JSON.parse(line) as ScanReport;
    expect(report.symbols.analyzed).toBe(SYMBOLS);
    expect(report.candles.cache).toBe(0);
    // Its threads hang in those files, and a process cannot end before them.
    const answering = setInterval(() => files.forEach(answerReaders), 50);
    expect(await ended.finally(() => clearInterval(answering))).toEqual([0, null]);
  });

  it('never serves the candles of one exchange as those of another', async () => {
    await scan();
    await sim.stop();
    sim = await startSim({
      market: seededMarket({ symbols: SYMBOLS, seed: 6, now: systemClock.now() }),
      clock: systemClock,
      random: seededRandom(1),
    });
    const report = await scan();
    expect(report.candles.cache).toBe(0);
  });
});

describe('cache', () => {
  it('tells what it holds, verifies it, removes what fails, and clears it', async () => {
    await scan();
    const stat = JSON.parse((await candlescan(['cache', 'stat', '--json'], {}, cwd)).stdout) as {
      series: number;
      liveBytes: number;
    };
    expect(stat.series).toBeGreaterThanOrEqual(SYMBOLS * 3 - 2);
    expect(stat.liveBytes).toBeGreaterThan(1_000);
    expect((await candlescan(['cache', 'verify'], {}, cwd)).code).toBe(0);

    writeFileSync(contentFiles()[0] as string, 'garbage');
    const verified = await candlescan(['cache', 'verify', '--remove'], {}, cwd);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toMatch(/removed/);
    expect((await candlescan(['cache', 'verify'], {}, cwd)).code).toBe(0);

    expect((await candlescan(['cache', 'clear'], {}, cwd)).code).toBe(0);
    const empty = JSON.parse((await candlescan(['cache', 'stat', '--json'], {}, cwd)).stdout) as { series: number };
    expect(empty.series).toBe(0);
  });
});
