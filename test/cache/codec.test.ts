import { randomBytes } from 'node:crypto';
import { crc32, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, MalformedBytes } from '../../src/cache/codec/bytes.js';
import { commonDecimals } from '../../src/cache/codec/columns.js';
import { decodeRecord, encodeRecord, readRecordRange } from '../../src/cache/codec/record.js';
import { decodeSegment, encodeSegment, FORMAT_VERSION, MAX_PAYLOAD_BYTES } from '../../src/cache/codec/segment.js';
import { hydrate } from '../../src/cache/hydrate.js';
import { windowDigest } from '../../src/cache/window-digest.js';
import { type CandleRow, SOURCES, type Source } from '../../src/domain/candle.js';
import { allocateBuffer, columnsOf, Series, type Slab, slabOf } from '../../src/domain/series.js';
import { contentOf, decodedColumns, NOW, randomSeries } from '../support/cache.js';

const STEP = 300_000;
const HEADER = { key: 'series/sim/5m/3', sequence: 7, writtenAt: NOW };

/** A decimal with up to eight places between 0.00000001 and 1e9, as the exchange's text would parse. */
const decimal = fc
  .tuple(fc.integer({ min: 0, max: 8 }), fc.double({ min: 1e-8, max: 1e9, noNaN: true }))
  .map(([places, value]) => Math.max(1e-8, Number(value.toFixed(places))));
const price = fc.oneof({ weight: 3, arbitrary: decimal }, fc.double({ min: 1e-8, max: 1e9, noNaN: true }));
const volume = fc.oneof(
  fc.constant(0),
  fc.constant(-0),
  fc.bigInt({ min: 0n, max: 10n ** 20n }).map((scaled) => Number(`${scaled}e-8`)),
  fc.double({ min: 0, max: 1e12, noNaN: true }),
);
const rows = fc.array(
  fc.tuple(price, price, price, price, volume, fc.constantFrom(...SOURCES)).map(([a, b, c, d, amount, source]) => {
    const [low, one, two, high] = [a, b, c, d].sort((x, y) => x - y) as [number, number, number, number];
    return { prices: [one, high, low, two] as const, amount, source };
  }),
  { minLength: 1, maxLength: 40 },
);

function seriesFrom(items: readonly { prices: readonly number[]; amount: number; source: Source }[]): Series {
  const series = new Series('币安人生USDT', '5m', 40);
  items.forEach(({ prices, amount, source }, index) => {
    const row = [NOW - (NOW % STEP) - 100 * STEP + index * STEP, ...prices, amount] as unknown as CandleRow;
    expect(series.append(row, source, NOW)).toBeNull();
  });
  return series;
}

describe('record', () => {
  it('gives back the very same doubles for any prices up to 1e9 and volumes up to 1e12', () => {
    fc.assert(
      fc.property(rows, (items) => {
        const series = seriesFrom(items);
        const { openTime: _, ...columns } = columnsOf(series.window());
        expect(decodedColumns(encodeRecord(series.window()))).toEqual(columns);
      }),
      { numRuns: 400 },
    );
  });

  it('gives back the very same doubles when all prices share their decimals', () => {
    const ticks = fc.tuple(
      fc.integer({ min: 0, max: 8 }),
      fc.array(fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 1, max: 2 ** 40 }))), { minLength: 1 }),
    );
    fc.assert(
      fc.property(ticks, ([places, walk]) => {
        const items = walk.slice(0, 40).map((four) => {
          const [low, one, two, high] = four.map((tick) => Number(`${tick}e-${places}`)).sort((x, y) => x - y);
          return { prices: [one, high, low, two] as number[], amount: 1.5, source: 'stream' as const };
        });
        const series = seriesFrom(items);
        const back = hydrate(encodeRecord(series.window()), series.symbol, '5m', 40, NOW);
        expect(back === null ? null : contentOf(back)).toEqual(contentOf(series));
      }),
    );
  });

  it('restores a series that can be appended to, cut to the lookback', () => {
    const series = randomSeries('BTCUSDT', '5m');
    const restored = hydrate(encodeRecord(series.window()), 'BTCUSDT', '5m', 20, NOW) as Series;
    expect(contentOf(restored)).toEqual(
      Object.fromEntries(Object.entries(contentOf(series)).map(([name, column]) => [name, column.slice(-20)])),
    );
    const next = (restored.lastOpenTime as number) + STEP;
    expect(restored.append([next, 10, 10, 10, 10, 1], 'stream', next + STEP)).toBeNull();
    expect(restored.lastOpenTime).toBe(next);
  });

  it('keeps where each candle came from, and a restored series says that it came from the cache', () => {
    const series = randomSeries('BTCUSDT', '5m');
    const record = encodeRecord(series.window());
    expect([...decodedColumns(record).source]).toEqual([...columnsOf(series.window()).source]);
    const restored = hydrate(record, 'BTCUSDT', '5m', 300, NOW) as Series;
    expect(new Set(columnsOf(restored.window()).source)).toEqual(new Set([SOURCES.indexOf('cache')]));
  });

  it('says whose it is and from when on, without decoding columns', () => {
    const series = randomSeries('ETHUSDT', '1h', { count: 5 });
    const record = encodeRecord(series.window());
    expect(new ByteReader(record).text()).toBe('ETHUSDT');
    const { firstOpenTime } = series;
    expect(readRecordRange(record)).toEqual({ firstOpenTime, count: 5, digest: windowDigest(series.window()) });
  });

  it('refuses every cut and every random byte string as malformed or as a series, never with another error', () => {
    const bytes = encodeRecord(randomSeries('BTCUSDT', '5m').window());
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodedColumns(bytes.subarray(0, length))).toThrow(MalformedBytes);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(hydrate(noise, 'BTCUSDT', '5m', 60, NOW)).toBeNull();
      }),
    );
  });

  it('is decoded only where there is room for it', () => {
    const record = encodeRecord(randomSeries('BTCUSDT', '5m').window());
    const { count } = readRecordRange(record);
    const slabFor = (capacity: number) => slabOf({ buffer: allocateBuffer(capacity), capacity });
    expect(() => decodeRecord(record, slabFor(count - 1))).toThrow(MalformedBytes);
    expect(() => decodeRecord(record, slabFor(count + 7))).not.toThrow();
  });

  it('is not restored as a series off the grid, with a forming candle, an unknown source or values of no candle', () => {
    const series = randomSeries('BTCUSDT', '5m');
    const record = encodeRecord(series.window());
    const head = { ...readRecordRange(record), symbol: 'BTCUSDT', timeframe: '5m' } as const;
    const restore = (change: (slab: Slab) => void = () => {}, firstOpenTime = head.firstOpenTime, closedBy = NOW) => {
      const read = (slab: Slab) => {
        decodeRecord(record, slab);
        change(slab);
      };
      return Series.restore({ ...head, firstOpenTime }, 60, read, closedBy);
    };
    expect(contentOf(restore() as Series)).toEqual(contentOf(series));
    expect(restore(undefined, undefined, NOW - 2 * STEP)).toBe('forming');
    expect(restore(undefined, head.firstOpenTime - 1)).toBe('grid');
    expect(restore(undefined, Number.NaN)).toBe('grid');
    expect(restore(({ sources }) => sources.fill(SOURCES.length, 3, 4))).toBe('shape');
    const set = (column: number, value: number) => (slab: Slab) => void (slab.rows[column * slab.capacity + 5] = value);
    expect(restore(set(2, 1e-9))).toBe('range');
    expect(restore(set(5, Number.NaN))).toBe('number');
    expect(restore(set(5, -1))).toBe('negative');
  });

  it('finds the decimals that the values need, and none for what is no decimal', () => {
    expect(commonDecimals([Float64Array.of(1, 2.5), Float64Array.of(0.125)])).toBe(3);
    expect(commonDecimals([Float64Array.of(1e-8, 3e6)])).toBe(8);
    expect(commonDecimals([Float64Array.of(1 / 3)])).toBeNull();
    expect(commonDecimals([Float64Array.of(-0)])).toBeNull();
    expect(commonDecimals([Float64Array.of(1e15, 0.5)])).toBeNull();
  });
});

describe('segment', () => {
  const series = ['BTCUSDT', 'ETHUSDT', '币安人生USDT'].map((symbol, seed) => randomSeries(symbol, '5m', { seed }));
  const records = series.map((one) => encodeRecord(one.window()));

  it('gives back its header and the records by symbol', async () => {
    const segment = await decodeSegment(await encodeSegment(HEADER, records), HEADER.key);
    if (typeof segment === 'string') expect.fail(segment);
    expect(segment).toMatchObject(HEADER);
    expect([...segment.records.keys()]).toEqual(['BTCUSDT', 'ETHUSDT', '币安人生USDT']);
    expect([...segment.records.values()].map((record) => Buffer.from(record))).toEqual(
      records.map((r) => Buffer.from(r)),
    );
  });

  it('serves no wrong byte after any single bit flip', async () => {
    const bytes = await encodeSegment(HEADER, records.slice(0, 1));
    const sound = await decodeSegment(bytes, HEADER.key);
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const decoded = await decodeSegment(flipped, HEADER.key);
      // The gzip header has bits that change nothing (time, operating system).
      if (typeof decoded !== 'string') expect(decoded).toEqual(sound);
    }
  });

  it('names what is wrong with bytes that are not the segment (D8)', async () => {
    const bytes = await encodeSegment(HEADER, records);
    const patched = (at: number, value: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return copy;
    };
    expect(await decodeSegment(Buffer.alloc(0), HEADER.key)).toBe('magic');
    expect(await decodeSegment(randomBytes(500), HEADER.key)).toBe('magic');
    expect(await decodeSegment(patched(4, FORMAT_VERSION + 1), HEADER.key)).toBe('version');
    expect(await decodeSegment(patched(5, 2), HEADER.key)).toBe('codec');
    expect(await decodeSegment(bytes, 'series/sim/15m/3')).toBe('identity');
    expect(await decodeSegment(bytes, 'series/binanceusdm/5m/3')).toBe('identity');
    expect(await decodeSegment(patched(16, 1), HEADER.key)).toBe('checksum');
    expect(await decodeSegment(bytes.subarray(0, -9), HEADER.key)).toBe('inflate');
    expect(await decodeSegment(bytes.subarray(0, 33), HEADER.key)).toBe('shape');
  });

  it('refuses a gzip bomb of 512 MB before and while it inflates (D8)', async () => {
    const head = (await encodeSegment(HEADER, [])).subarray(0, 34 + HEADER.key.length);
    const chunk = gzipSync(Buffer.alloc(16 * 1024 * 1024));
    // A gzip stream may have many members, so repeating one inflates to 512 MB.
    const bomb = Buffer.concat([head, ...Array.from({ length: 32 }, () => chunk)]);
    bomb.writeUInt32LE(MAX_PAYLOAD_BYTES, 24);
    expect(await decodeSegment(bomb, HEADER.key)).toBe('inflate');
    bomb.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 24);
    expect(await decodeSegment(bomb, HEADER.key)).toBe('size');
  });

  it('refuses a payload with a right checksum and a wrong shape', async () => {
    const head = Buffer.from((await encodeSegment(HEADER, [])).subarray(0, 34 + HEADER.key.length));
    const payload = Buffer.from([255, 255, 0, 0, 1]);
    head.writeUInt32LE(payload.length, 24);
    head.writeUInt32LE(crc32(payload, crc32(head.fill(0, 28, 32))), 28);
    expect(await decodeSegment(Buffer.concat([head, gzipSync(payload)]), HEADER.key)).toBe('shape');
  });

  it('is refused when it could not be read back', async () => {
    await expect(encodeSegment(HEADER, [new Uint8Array(MAX_PAYLOAD_BYTES)])).rejects.toThrow(RangeError);
  });
});
