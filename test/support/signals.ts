import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Signal, signalId } from '../../src/domain/signal.js';
import { timeframeMs } from '../../src/domain/timeframe.js';
import type { SignalNotice, SignalRecord, SignalStore, SignalUpdate } from '../../src/signals/contract.js';
import { decodeLine } from '../../src/signals/line.js';
import { openSignalStore, type SignalStoreOptions } from '../../src/signals/store.js';
import { FakeClock } from './fake-clock.js';

/** A slot of all timeframes. */
export const SLOT = Date.UTC(2026, 0, 1, 12);
export const SLOT_MS = timeframeMs('5m');
export const DAY_MS = timeframeMs('1d');

export type TestFinding = SignalUpdate['findings'][number];

/** A new directory that is removed when the test ends; the store's is in it and not there yet. */
export function signalsDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'candlescan-signals-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'data', 'signals');
}

export function finding(of: Partial<Omit<Signal, 'id' | 'status'>> = {}): TestFinding {
  const whole = {
    symbol: 'BTCUSDT',
    timeframe: '5m' as const,
    analyzer: 'trend',
    version: '1.0.0',
    direction: 'long' as const,
    strength: 0.5,
    price: 100.25,
    candleCloseTime: SLOT,
    reasons: ['EMA 20 is above EMA 50', 'der Kurs fällt ▼'],
    inputDigest: 'd'.repeat(32),
    ...of,
  };
  return { ...whole, id: signalId('sim', whole) };
}

/** What one slot says: by default that `findings` are all that `trend` found, on final candles. */
export function update(findings: readonly TestFinding[], of: Partial<SignalUpdate> = {}): SignalUpdate {
  return {
    slot: SLOT,
    status: 'confirmed',
    candles: findings.map(({ symbol, timeframe, candleCloseTime }) => ({ symbol, timeframe, candleCloseTime })),
    analyzers: [{ name: 'trend', version: '1.0.0' }],
    findings,
    ...of,
  };
}

/** Signals of as many symbols on the candle that closed at `slot`. */
export function manyFindings(count: number, slot = SLOT): TestFinding[] {
  return Array.from({ length: count }, (_, index) => finding({ symbol: `S${index}USDT`, candleCloseTime: slot }));
}

export interface OpenedStore {
  readonly store: SignalStore;
  readonly clock: FakeClock;
  readonly notices: SignalNotice[];
}

/** A store on a clock that stands two seconds after the slot; closed when the test ends. */
export async function openStore(dir: string, options: Partial<SignalStoreOptions> = {}): Promise<OpenedStore> {
  const clock = new FakeClock(SLOT + 2_000);
  const notices: SignalNotice[] = [];
  const store = await openSignalStore({
    dir,
    clock,
    longestTimeframe: '1h',
    retentionMs: 90 * DAY_MS,
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  onTestFinished(() => store.close());
  return { store, clock: (options.clock as FakeClock | undefined) ?? clock, notices };
}

export function allRecords(store: SignalStore): readonly SignalRecord[] {
  return store.query({ limit: 1_000 }).items;
}

/** The signal files of a directory, oldest first. */
export function namesIn(dir: string): string[] {
  const stem = (name: string) => name.replace('.jsonl', '');
  return readdirSync(dir).sort((a, b) => stem(a).localeCompare(stem(b), 'en', { numeric: true }));
}

/** Every line of the files, in the order of writing; null where one is damaged. */
export function linesIn(dir: string): (SignalRecord | null)[] {
  return namesIn(dir).flatMap((name) => {
    const lines = readFileSync(join(dir, name), 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => decodeLine(Buffer.from(line)));
  });
}

/** What a disk may refuse. */
export type DiskCall = 'open' | 'appendFile' | 'datasync' | 'truncate';

/** The real disk, except that the calls named in `failing` fail with that code; a failed append leaves its first half. */
export class IllDisk {
  failing: Readonly<Partial<Record<DiskCall, string>>> = {};
  calls: DiskCall[] = [];

  readonly open: typeof open = async (path, flags, mode) => {
    this.#call('open');
    const handle = await open(path, flags, mode);
    return this.#wrap(handle);
  };

  #wrap(handle: FileHandle): FileHandle {
    return new Proxy(handle, {
      get: (target, name) => {
        if (name === 'appendFile') return (data: Buffer) => this.#append(target, data);
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...parameters: unknown[]): unknown => {
          if (name === 'datasync' || name === 'truncate') this.#call(name);
          return Reflect.apply(value, target, parameters);
        };
      },
    });
  }

  async #append(handle: FileHandle, data: Buffer): Promise<void> {
    if (this.failing.appendFile !== undefined) await handle.appendFile(data.subarray(0, data.length / 2));
    this.#call('appendFile');
    await handle.appendFile(data);
  }

  #call(call: DiskCall): void {
    this.calls.push(call);
    const code = this.failing[call];
    if (code !== undefined) throw Object.assign(new Error(`${code}: made up by the test`), { code });
  }
}

/** The lines of a daemon's signal files, in the order of writing; null where one is not whole. */
export function signalLines(dataDir: string): (SignalRecord | null)[] {
  const dir = join(dataDir, 'signals');
  if (!existsSync(dir)) return [];
  const stem = (name: string) => name.replace('.jsonl', '');
  const names = readdirSync(dir).filter((name) => name.endsWith('.jsonl'));
  names.sort((a, b) => stem(a).localeCompare(stem(b), 'en', { numeric: true }));
  const lines = names.flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n'));
  return lines.filter((line) => line !== '').map((line) => decodeLine(Buffer.from(line)));
}
