import pLimit from 'p-limit';
import { type Timeframe, timeframeMs } from '../domain/timeframe.js';
import type { Clock } from '../lib/clock.js';
import type {
  PublishReport,
  SignalNotice,
  SignalPage,
  SignalQuery,
  SignalRecord,
  SignalStats,
  SignalStore,
  SignalUpdate,
} from './contract.js';
import { type Judgement, judge } from './judge.js';
import { isKept } from './lifecycle.js';
import { encodeLine } from './line.js';
import { SignalLog, type SignalLogOptions } from './log.js';
import { candleKey, SignalMemory } from './memory.js';
import { pageOf } from './query.js';
import { type ReadBack, readBack } from './read-back.js';
import { Statements, voiceOf } from './statements.js';
import { SignalTally } from './tally.js';

/** Candles whose newest statement is remembered: six slots of a market with 530 symbols and five timeframes. */
const STATEMENTS = 16_384;

export interface SignalStoreOptions {
  /** The directory of the signal files; made when there is something to write. */
  readonly dir: string;
  /** Its `now()` stamps signals, so it should be the exchange's time as well as it is known. */
  readonly clock: Clock;
  /** The longest timeframe that is scanned: how long a candle can be the newest of its series. */
  readonly longestTimeframe: Timeframe;
  /** Signal files of days that are over for longer are removed. */
  readonly retentionMs: number;
  /** Records held in memory; default 10,000. */
  readonly capacity?: number;
  /** A signal published longer after the close of its candle is late; default 30 s. */
  readonly lateAfterMs?: number;
  /** Default 64 MiB. */
  readonly maxFileBytes?: number;
  /** Changes that may wait for a disk that does not take them; default 20,000. */
  readonly maxWaiting?: number;
  readonly onNotice?: (notice: SignalNotice) => void;
  /** Default `open` of `node:fs/promises`. */
  readonly open?: SignalLogOptions['open'];
}

/**
 * Opens the store on its files: the newest signals are known again. Never rejects: what cannot be read or written is told
 * by `onNotice` and counted.
 */
export async function openSignalStore(options: SignalStoreOptions): Promise<SignalStore> {
  const { dir, longestTimeframe, capacity = 10_000, onNotice = () => {} } = options;
  const found = await readBack({ dir, capacity, reachMs: timeframeMs(longestTimeframe), onNotice });
  const log = new SignalLog({
    dir,
    clock: options.clock,
    maxFileBytes: options.maxFileBytes ?? 64 * 2 ** 20,
    maxWaiting: options.maxWaiting ?? 20_000,
    retentionMs: options.retentionMs,
    found,
    onNotice,
    ...(options.open === undefined ? {} : { open: options.open }),
  });
  await log.prune();
  return new FileSignalStore(found, log, {
    capacity,
    clock: options.clock,
    lateAfterMs: options.lateAfterMs ?? 30_000,
  });
}

/** An update on its way, and who waits for it. */
interface Waiting {
  readonly update: SignalUpdate;
  readonly resolve: (report: PublishReport) => void;
  readonly reject: (error: unknown) => void;
}

/** The newest signals in memory, everything that was ever confirmed in files. */
class FileSignalStore implements SignalStore {
  readonly #clock: Clock;
  readonly #lateAfterMs: number;
  readonly #log: SignalLog;
  readonly #met: Pick<ReadBack, 'readErrors' | 'damaged' | 'torn'>;
  readonly #memory: SignalMemory;
  readonly #statements = new Statements(STATEMENTS);
  readonly #tally = new SignalTally();
  readonly #publisher = pLimit(1);
  readonly #queue: Waiting[] = [];
  #closed: Promise<void> | null = null;

  constructor(
    found: ReadBack,
    log: SignalLog,
    { capacity, clock, lateAfterMs }: { capacity: number; clock: Clock; lateAfterMs: number },
  ) {
    this.#clock = clock;
    this.#lateAfterMs = lateAfterMs;
    this.#log = log;
    this.#met = { readErrors: found.readErrors, damaged: found.damaged, torn: found.torn };
    this.#memory = new SignalMemory(capacity, found.records.values());
    for (const record of this.#memory.newestFirst()) {
      const voices = new Set([voiceOf(record.analyzer, record.version)]);
      this.#statements.note(candleKey(record), voices, { slot: record.slot, status: 'confirmed' });
    }
    this.#statements.trim();
  }

  async publish(update: SignalUpdate): Promise<PublishReport> {
    if (this.#closed !== null) throw new Error('signals were published after their store was closed');
    const report = new Promise<PublishReport>((resolve, reject) => {
      this.#queue.push({ update, resolve, reject });
    });
    void this.#publisher(() => this.#publishNext());
    return report;
  }

  query(query: SignalQuery): SignalPage {
    return pageOf(this.#memory, query);
  }

  get(id: string): SignalRecord | null {
    return this.#memory.get(id);
  }

  stats(): SignalStats {
    return { ...this.#tally.totals(), records: this.#memory.size, ...this.#log.stats(), ...this.#met };
  }

  flush(): Promise<boolean> {
    return this.#log.flush();
  }

  close(): Promise<void> {
    // Behind every update that was handed in before.
    this.#closed ??= this.#publisher(() => this.#log.stop());
    return this.#closed;
  }

  /** The batches of a cycle come faster than a disk syncs: those that wait become safe together. */
  async #publishNext(): Promise<void> {
    const group = this.#queue.splice(0, independentCount(this.#queue));
    const judged = group.flatMap((waiting) => this.#judge(waiting));
    const kept = judged.flatMap(({ changes }) => changes.filter(({ record }) => isKept(record)));
    const lines = kept.map(({ record }) => encodeLine(record));
    // Before anyone can query them, so that nobody sees a signal that a crash would take back.
    const saved = lines.length === 0 || (await this.#log.append(lines));
    for (const { changes, repeated, stale, resolve } of judged) {
      for (const change of changes) {
        this.#memory.put(change.record);
        this.#tally.count(change);
      }
      this.#tally.repeated += repeated;
      this.#tally.stale += stale;
      resolve({ changes, repeated, stale, saved });
    }
    this.#memory.trim();
  }

  /** Nothing for an update that contradicts itself: it is rejected. */
  #judge({ update, resolve, reject }: Waiting): (Judgement & Pick<Waiting, 'resolve'>)[] {
    const known = { memory: this.#memory, statements: this.#statements };
    try {
      return [{ ...judge(update, known, Math.round(this.#clock.now()), this.#lateAfterMs), resolve }];
    } catch (error) {
      reject(error);
      return [];
    }
  }
}

/** How many of the updates, from the first on, speak of different candles, so that each can be judged without the others. */
function independentCount(queue: readonly Waiting[]): number {
  const candles = new Set<string>();
  for (const [index, { update }] of queue.entries()) {
    const keys = update.candles.map(candleKey);
    if (keys.some((key) => candles.has(key))) return Math.max(1, index);
    for (const key of keys) candles.add(key);
  }
  return queue.length;
}
