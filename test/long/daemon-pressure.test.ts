import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN, temporaryDir } from '../support/cli.js';
import { endDaemons, FIXTURES, readyDaemon, type SignalItem } from '../support/daemon.js';
import { signalLines } from '../support/signals.js';
import { afterSlot, type Exchange, startExchange, until } from '../support/surroundings.js';
import { mountTmpfs } from '../support/tmpfs.js';

const SYMBOLS = 20;
/** Of them have hours without a trade, and no signal then. */
const QUIET_SYMBOLS = 1;
const PATHS = `analyzers.paths=[${join(FIXTURES, 'pulse.mjs')}]`;
const PULSE = [PATHS, 'analyzers.enabled=[pulse]'];
const MIB = 2 ** 20;
const JSON_BODY = { 'content-type': 'application/json' };

describe.skipIf(!existsSync(MAIN))('a daemon short of something (skipped unless the program is built)', () => {
  let exchange: Exchange;
  const tmpfs = mountTmpfs('4m');
  const cacheDisk = mountTmpfs('4m');

  beforeAll(async () => {
    exchange = await startExchange('--symbols', String(SYMBOLS), '--weight-limit', '100000');
  });
  afterAll(async () => {
    await endDaemons();
    tmpfs?.unmount();
    cacheDisk?.unmount();
    await exchange?.stop();
  });

  it.concurrent('P8: says how its memory nears the limit, gives up what it can, works on up to level 2, and stops to be started anew at 3', async () => {
    const limitMib = 400;
    const set = [...PULSE, 'cache.l1MaxSize=16MiB', `memory.limit=${limitMib}MiB`];
    const daemon = await readyDaemon({ exchange, set, mishaps: true });
    const shown = await daemon.signals();
    const [{ symbol }] = shown as [SignalItem];
    const l1 = async () =>
      (await daemon.json<{ cache: { l1: { entries: number; bytes: number } } }>('/api/v1/status')).cache.l1;
    const roomy = await l1();
    const levels = () => daemon.linesOf('memory pressure rose').map((line) => line['to']);
    for (const [level, share] of [
      [1, 0.85],
      [2, 1.05],
    ] as const) {
      const rssMib = (await daemon.metric('process_resident_memory_bytes')) / MIB;
      daemon.mishap('hoard', Math.ceil(share * limitMib - rssMib));
      await until(`level ${level}`, 10_000, async () => (await daemon.metric('memory_pressure_level')) === level);
      expect(await daemon.isReady()).toBe(true);
      expect(levels()).toEqual([1, 2].slice(0, level));
      expect((await daemon.get(`/api/v1/candles/${symbol}/1m`)).status).toBe(level === 1 ? 200 : 503);
    }
    // 120 candles with room for 4 more instead of the 8 that a series has at first.
    expect(daemon.linesOf('candles take less memory')).toMatchObject([{ series: 0 }]);
    expect(await l1()).toMatchObject({ entries: roomy.entries, bytes: Math.round((roomy.bytes * 124) / 128) });
    await afterSlot(8_000);
    expect((await daemon.cycles())[0]).toMatchObject({ outcome: 'complete', symbols: { analyzed: SYMBOLS } });
    expect((await daemon.signals()).length).toBeGreaterThan(shown.length);
    expect(await daemon.metric('http_requests_shed_total')).toBe(1);
    expect(await l1()).toMatchObject({ entries: roomy.entries, bytes: Math.round((roomy.bytes * 124) / 128) });
    daemon.mishap('hoard', Math.ceil(0.2 * limitMib));
    expect(await daemon.exited).toMatchObject({ code: 1, signal: null });
    expect(levels()).toEqual([1, 2, 3]);
    expect(daemon.linesOf('stopping')).toMatchObject([{ why: 'memory is used up' }]);
    expect(daemon.log.at(-1)?.msg).toBe('stopped');
    const saved = new Set(signalLines(daemon.dataDir).map((line) => line?.id));
    expect(shown.filter(({ id, confirmedAt }) => confirmedAt !== null && !saved.has(id))).toEqual([]);
  });

  it.skipIf(tmpfs === null).concurrent(
    'D1: with no room for signals it stays up, says so and writes them when there is room (skipped unless root may mount)',
    async () => {
      const disk = tmpfs as NonNullable<typeof tmpfs>;
      const set = [...PULSE, `cache.l2Dir=${temporaryDir()}`];
      const daemon = await readyDaemon({ exchange, set, dataDir: join(disk.dir, 'data') });
      disk.fill();
      await afterSlot(5_000);
      expect(await daemon.metric('signals_disk_full')).toBe(1);
      // A few still fit into the last block of the file.
      expect(await daemon.metric('signals_unsaved ')).toBeGreaterThan(0);
      expect(await daemon.isReady()).toBe(true);
      expect(daemon.linesOf('the signals on disk')).toMatchObject([{ kind: 'unwritable' }]);
      disk.free();
      await until('all written', 35_000, async () => (await daemon.metric('signals_unsaved ')) === 0);
      expect(await daemon.metric('signals_disk_full')).toBe(0);
      expect(await daemon.metric('signals_unsaved_dropped_total')).toBe(0);
      const shown = (await daemon.signals()).filter(({ confirmedAt }) => confirmedAt !== null);
      expect(await daemon.stop()).toMatchObject({ code: 0 });
      // A full disk forbids no start.
      disk.fill();
      const again = await readyDaemon({ exchange, set, dataDir: daemon.dataDir });
      expect((await again.signals()).map(({ id }) => id)).toEqual(expect.arrayContaining(shown.map(({ id }) => id)));
      expect(await again.stop()).toMatchObject({ code: 0 });
      const lines = signalLines(daemon.dataDir);
      expect(lines).not.toContain(null);
      const saved = new Set(lines.map((line) => line?.id));
      expect(shown.length).toBeGreaterThanOrEqual(2 * (SYMBOLS - QUIET_SYMBOLS));
      expect(shown.filter(({ id }) => !saved.has(id))).toEqual([]);
    },
  );

  it.skipIf(cacheDisk === null).concurrent(
    'D2: with no room for candles no cycle is late and no signal lost; they are written when there is room (skipped unless root may mount)',
    async () => {
      const disk = cacheDisk as NonNullable<typeof cacheDisk>;
      const set = [...PULSE, `cache.l2Dir=${join(disk.dir, 'cache')}`, 'cache.flushEvery=1s'];
      const daemon = await readyDaemon({ exchange, set });
      const unsaved = () => daemon.metric('cache_unsaved_series');
      await until('all written', 20_000, async () => (await unsaved()) === 0);
      disk.fill();
      const before = new Set((await daemon.signals()).map(({ id }) => id));
      await afterSlot(8_000);
      expect(await daemon.metric('cache_write_errors_total{code="ENOSPC"}')).toBeGreaterThan(0);
      expect(await unsaved()).toBeGreaterThanOrEqual(SYMBOLS);
      expect((await daemon.cycles())[0]).toMatchObject({ outcome: 'complete', symbols: { analyzed: SYMBOLS } });
      const fresh = (await daemon.signals()).filter(({ id }) => !before.has(id));
      expect(fresh.length).toBeGreaterThanOrEqual(SYMBOLS - QUIET_SYMBOLS);
      expect(fresh.filter(({ confirmedAt }) => confirmedAt === null)).toEqual([]);
      expect(await daemon.metric('signals_unsaved ')).toBe(0);
      expect(await daemon.isReady()).toBe(true);
      disk.free();
      // The pauses between attempts have grown to 40 s at most by then.
      await until('all written again', 50_000, async () => (await unsaved()) === 0);
      expect(await daemon.metric('cache_dropped_series_total')).toBe(0);
      expect(await daemon.stop()).toMatchObject({ code: 0 });
    },
  );

  it.concurrent('X14: a symbol that is delisted is gone at once, and nothing is asked about it any more', async () => {
    const own = await startExchange('--symbols', String(SYMBOLS), '--weight-limit', '100000');
    try {
      const daemon = await readyDaemon({ exchange: own, set: PULSE });
      const symbols = async () =>
        (await daemon.json<{ items: { symbol: string }[] }>('/api/v1/symbols')).items.map(({ symbol }) => symbol);
      const all = await symbols();
      const [gone] = all as [string];
      expect(all).toHaveLength(SYMBOLS);
      await own.list(gone, 'SETTLING');
      await until('the symbol is gone', 5_000, async () => !(await symbols()).includes(gone));
      const { nonTrading } = await own.stats();
      await afterSlot(5_000);
      const [cycle] = await daemon
        .json<{ items: { symbols: { total: number } }[] }>('/api/v1/cycles')
        .then((page) => page.items);
      expect(cycle?.symbols.total).toBe(SYMBOLS - 1);
      expect((await own.stats()).nonTrading).toBe(nonTrading);
      expect(await daemon.stop()).toMatchObject({ code: 0 });
    } finally {
      await own.stop();
    }
  });

  it.concurrent('a changed configuration takes effect by SIGHUP and over HTTP; a wrong one changes nothing', async () => {
    const file = join(temporaryDir(), 'my.yaml');
    const write = (level: string, analyzer: string, provisional: boolean) =>
      writeFileSync(
        file,
        `log: {level: ${level}}\nanalyzers: {enabled: [${analyzer}]}\ncycle: {provisional: ${provisional}}\n`,
      );
    write('info', 'pulse', true);
    const token = 'a-token-of-many-letters';
    const post = { method: 'POST', body: '{}', headers: { ...JSON_BODY, authorization: `Bearer ${token}` } };
    const daemon = await readyDaemon({
      exchange,
      set: [PATHS, 'cache.flushEvery=1s'],
      args: ['--config', file],
      token,
    });
    const analyzers = async () => {
      const page = await daemon.json<{ items: { name: string }[] }>('/api/v1/analyzers');
      return page.items.map(({ name }) => name);
    };
    const outcomes = () => daemon.linesOf('read the configuration again');
    expect(await analyzers()).toEqual(['pulse']);

    write('debug', 'momentum', false);
    daemon.kill('SIGHUP');
    await until('the first reload', 10_000, () => outcomes().length === 1);
    expect(outcomes()[0]).toMatchObject({
      ok: true,
      changed: expect.arrayContaining(['log.level', 'analyzers.enabled', 'cycle.provisional']),
      needsRestart: [],
    });
    expect(await analyzers()).toEqual(['momentum']);
    await until('a line of that level', 75_000, () => daemon.log.some(({ level }) => level === 20));

    writeFileSync(file, 'cycle: {provisional: perhaps}\n');
    daemon.kill('SIGHUP');
    await until('the second reload', 10_000, () => outcomes().length === 2);
    expect(outcomes()[1]).toMatchObject({
      ok: false,
      level: 50,
      reason: expect.stringMatching(/my\.yaml:1.*cycle\.provisional/),
    });
    const refused = await daemon.get('/api/v1/reload', post);
    expect(refused.status, await refused.text()).toBe(422);
    expect(await analyzers()).toEqual(['momentum']);
    expect(await daemon.isReady()).toBe(true);

    write('info', 'pulse', false);
    expect((await daemon.get('/api/v1/reload', { ...post, headers: JSON_BODY })).status).toBe(401);
    const response = await daemon.get('/api/v1/reload', post);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      changed: expect.arrayContaining(['log.level', 'analyzers.enabled']),
    });
    expect(await analyzers()).toEqual(['pulse']);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
  });
});
