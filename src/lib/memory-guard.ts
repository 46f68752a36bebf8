import { abortable } from './abort.js';
import type { Cancel, Clock } from './clock.js';
import { MemoryPressure, type PressureLevel, type PressureOptions, type RaisedLevel } from './memory-pressure.js';

export interface MemoryReading {
  /** Resident memory of the process, which is what the operating system judges it by. */
  readonly rssBytes: number;
  readonly heapUsedBytes?: number;
}

/** Something that can give memory back. Both ways may be asynchronous; `signal` fires when nobody waits for it any more. */
export interface Reliever {
  readonly name: string;
  /** From which level on. */
  readonly level: RaisedLevel;
  enter(signal: AbortSignal): unknown;
  leave?(signal: AbortSignal): unknown;
}

/** One step of the level, up or down. */
export interface PressureChange {
  readonly level: PressureLevel;
  readonly from: PressureLevel;
  readonly rssBytes: number;
  readonly limitBytes: number;
}

export interface RelieverFailure {
  readonly name: string;
  readonly level: RaisedLevel;
  readonly way: 'enter' | 'leave';
  readonly error: unknown;
}

export interface MemoryGuardOptions extends PressureOptions {
  readonly clock: Clock;
  readonly probe: () => MemoryReading;
  /** Between two readings. */
  readonly everyMs?: number;
  /** The longest that one reliever holds up the next. */
  readonly relieverMs?: number;
  /** Entered in this order within a level, left in the reverse order. */
  readonly relievers: readonly Reliever[];
  /** Called at once for every step, before any reliever has run. */
  readonly onChange?: (change: PressureChange) => void;
  readonly onFailure?: (failure: RelieverFailure) => void;
}

export interface MemoryGuardStats {
  readonly level: PressureLevel;
  readonly limitBytes: number;
  /** The last and the highest reading; 0 before the first. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  readonly readings: number;
  /** How often each level was entered. */
  readonly entered: Readonly<Record<RaisedLevel, number>>;
  readonly relieverFailures: number;
  /** Readings that failed and observers that threw. */
  readonly otherFailures: number;
}

export const systemMemory = (): MemoryReading => {
  const { rss: rssBytes, heapUsed: heapUsedBytes } = process.memoryUsage();
  return { rssBytes, heapUsedBytes };
};

/**
 * Keeps a process within its memory by giving up more and more: at 80 %, 100 % and 120 % of the limit the relievers of
 * level 1, 2 and 3 are entered, and left when memory has stayed well below that for a while.
 *
 * One worker brings the relievers from the level they are at to the level that holds, a step at a time. However fast
 * the level changes and however slow a reliever is, nothing queues up, and every `leave` follows its own `enter`.
 */
export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  readonly #pressure: MemoryPressure;
  readonly #entered = { 1: 0, 2: 0, 3: 0 };
  #applied: PressureLevel = 0;
  #working: Promise<void> | null = null;
  #current: AbortController | null = null;
  #cancelTimer: Cancel | null = null;
  #state: 'new' | 'watching' | 'stopped' = 'new';
  #rssBytes = 0;
  #peakRssBytes = 0;
  #readings = 0;
  #relieverFailures = 0;
  #otherFailures = 0;

  /** Throws RangeError for a limit, margin or period that is none. */
  constructor(options: MemoryGuardOptions) {
    for (const name of ['everyMs', 'relieverMs'] as const) {
      const { [name]: ms = 1 } = options;
      if (!(ms > 0)) throw new RangeError(`${name}: found ${ms}, allowed a number above 0`);
    }
    this.#options = options;
    this.#pressure = new MemoryPressure(options);
  }

  /** Takes the first reading at once. A guard watches once: after `stop` this does nothing. */
  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'watching';
    this.#watch();
  }

  /** Waits for the reliever that is running, telling it not to go on. Relievers stay as they are. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelTimer?.();
    this.#current?.abort(new Error('the memory guard was stopped'));
    await this.#working;
  }

  /** Another limit, from the next reading on. Throws RangeError for one that is none. */
  setLimit(limitBytes: number): void {
    this.#pressure.setLimit(limitBytes);
  }

  level(): PressureLevel {
    return this.#pressure.level;
  }

  stats(): MemoryGuardStats {
    return {
      level: this.level(),
      limitBytes: this.#pressure.limitBytes,
      rssBytes: this.#rssBytes,
      peakRssBytes: this.#peakRssBytes,
      readings: this.#readings,
      entered: { ...this.#entered },
      relieverFailures: this.#relieverFailures,
      otherFailures: this.#otherFailures,
    };
  }

  #watch(): void {
    this.#cancelTimer = this.#options.clock.setTimer(this.#options.everyMs ?? 1_000, () => this.#watch());
    const rssBytes = this.#read();
    if (rssBytes === null) return;
    let from = this.#pressure.level;
    for (const level of this.#pressure.read(rssBytes)) {
      if (level > from) this.#entered[level as RaisedLevel] += 1;
      this.#report({ level, from, rssBytes, limitBytes: this.#pressure.limitBytes });
      from = level;
    }
    this.#working ??= this.#relieve().finally(() => {
      this.#working = null;
    });
  }

  #read(): number | null {
    this.#readings += 1;
    try {
      const { rssBytes } = this.#options.probe();
      if (!Number.isFinite(rssBytes)) throw new RangeError(`rssBytes: found ${rssBytes}, allowed a finite number`);
      this.#rssBytes = rssBytes;
      this.#peakRssBytes = Math.max(this.#peakRssBytes, rssBytes);
      return rssBytes;
    } catch {
      this.#otherFailures += 1;
      return null;
    }
  }

  async #relieve(): Promise<void> {
    while (this.#applied !== this.level() && this.#state === 'watching') {
      const way = this.level() > this.#applied ? 'enter' : 'leave';
      const level = (way === 'enter' ? this.#applied + 1 : this.#applied) as RaisedLevel;
      const relievers = this.#options.relievers.filter((reliever) => reliever.level === level);
      this.#applied = (way === 'enter' ? level : level - 1) as PressureLevel;
      for (const reliever of way === 'enter' ? relievers : relievers.toReversed()) {
        if (this.#state === 'watching') await this.#run(reliever, way);
      }
    }
  }

  async #run(reliever: Reliever, way: 'enter' | 'leave'): Promise<void> {
    const { clock, relieverMs = 2_000 } = this.#options;
    const current = new AbortController();
    this.#current = current;
    const cancel = clock.setTimer(relieverMs, () => current.abort(new Error(`did not ${way} within ${relieverMs} ms`)));
    try {
      await abortable((async () => reliever[way]?.(current.signal))(), current.signal);
    } catch (error) {
      if (this.#state !== 'watching') return;
      this.#relieverFailures += 1;
      const { name, level } = reliever;
      this.#tell(() => this.#options.onFailure?.({ name, level, way, error }));
    } finally {
      cancel();
    }
  }

  #report(change: PressureChange): void {
    this.#tell(() => this.#options.onChange?.(change));
  }

  #tell(observer: () => void): void {
    try {
      observer();
    } catch {
      this.#otherFailures += 1;
    }
  }
}
