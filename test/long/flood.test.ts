import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { createStreamSource } from '../../src/pipeline/stream/stream-source.js';
import { STEP_MS } from '../support/stream-frames.js';
import { until } from '../support/surroundings.js';

const SERVER = fileURLToPath(new URL('../support/flooding-server.mjs', import.meta.url));
/** A minute on demand: `CANDLESCAN_TEST_FLOOD_SECONDS=60`. */
const SECONDS = Number(process.env['CANDLESCAN_TEST_FLOOD_SECONDS'] ?? 10);
/** Ten times what 1,590 streams bring at eight frames a second. */
const MESSAGES_PER_SECOND = 127_000;
const SYMBOLS = 530;
const UPDATES = 120;
const CANDLES = Math.ceil((SECONDS * MESSAGES_PER_SECOND) / (SYMBOLS * UPDATES));
const MESSAGES = SYMBOLS * UPDATES * CANDLES;
const PAUSE_MS = 3_000;

describe('a flood of ten times the usual rate', () => {
  it(
    `W9: of ${SECONDS} s (CANDLESCAN_TEST_FLOOD_SECONDS) and a reader that pauses cost no closed candle, no turn and no memory`,
    async ({ annotate }) => {
      const start = Math.floor(systemClock.now() / STEP_MS) * STEP_MS - CANDLES * STEP_MS;
      const shape = [SYMBOLS, CANDLES, UPDATES, MESSAGES_PER_SECOND, start, STEP_MS];
      const server = spawn(process.execPath, [SERVER, ...shape.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => void server.kill('SIGKILL'));
      const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
      const closed = new Map<string, number[]>();
      let forming = 0;
      const source = createStreamSource({
        url: `ws://127.0.0.1:${port}`,
        symbols: Array.from({ length: SYMBOLS }, (_, index) => `S${index}USDT`),
        timeframe: '5m',
        streamsPerConnection: 1_000,
        clock: systemClock,
        random: seededRandom(1),
        handlers: {
          onClosed: (symbol, _timeframe, [openTime, , , , close], how) => {
            expect({ close, how }).toEqual({ close: 200, how: 'flag' });
            closed.set(symbol, [...(closed.get(symbol) ?? []), openTime]);
          },
          onForming: () => {
            forming += 1;
          },
          onRevised: (...revised) => expect(revised).toEqual([]),
          onResumed: () => {},
          onContractInfo: () => {},
          onNotice: (notice) => expect(notice).toBeNull(),
        },
      });
      onTestFinished(() => source.stop());
      const delay = monitorEventLoopDelay({ resolution: 5 });
      const rss: number[] = [];
      const sampling = setInterval(() => rss.push(process.memoryUsage.rss()), 200);
      onTestFinished(() => clearInterval(sampling));
      source.start();
      const begunMs = performance.now();
      delay.enable();
      const read = (count: number) => async () => source.stats().messages >= count;
      await until('half of the flood', SECONDS * 3_000 + 20_000, read(MESSAGES / 2));
      // The reader is stopped, as a thread that computes is.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
      await until('all of the flood', SECONDS * 3_000 + 20_000, read(MESSAGES));
      delay.disable();
      const p99Ms = delay.percentile(99) / 1e6;
      const grownMib = (Math.max(...rss) - (rss[0] as number)) / 2 ** 20;
      const rate = MESSAGES / ((performance.now() - begunMs - PAUSE_MS) / 1_000);
      await annotate(
        `${MESSAGES} messages, ${Math.round(rate)} a second; event-loop delay p99 ${p99Ms.toFixed(1)} ms; ` +
          `${grownMib.toFixed(0)} MiB more at most`,
      );
      const stats = source.stats();
      const openTimes = Array.from({ length: CANDLES }, (_, candle) => start + candle * STEP_MS);
      expect(closed.size).toBe(SYMBOLS);
      for (const times of closed.values()) expect(times).toEqual(openTimes);
      expect(stats).toMatchObject({ messages: MESSAGES, closed: SYMBOLS * CANDLES, revised: 0, malformed: {} });
      expect(stats.coalesced).toBeGreaterThan(10 * forming);
      expect(p99Ms).toBeLessThanOrEqual(100);
      expect(grownMib).toBeLessThanOrEqual(100);
    },
    (SECONDS * 6 + 60) * 1_000,
  );
});
