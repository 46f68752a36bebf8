import type { Cancel, Clock } from './clock.js';
import type { ProcessProbe } from './process-probe.js';

/**
 * - `pause`: the process did not run (stopped, starved, or the machine was suspended) while its peers did
 * - `lag`: the main thread ran, but was too busy with itself to get to its timers
 * - `clockJump`: the wall clock was set; `ms` is negative when it was set back
 */
export interface PauseNotice {
  readonly kind: 'pause' | 'lag' | 'clockJump';
  readonly ms: number;
}

export interface PauseStats {
  readonly pausesTotal: number;
  readonly pausedMsTotal: number;
  readonly lagTotal: number;
  readonly lagMsTotal: number;
  readonly jumpsTotal: number;
}

export interface PauseWatchOptions {
  readonly clock: Clock;
  readonly probe: ProcessProbe;
  readonly onNotice?: (notice: PauseNotice) => void;
  /** Between two looks. */
  readonly beatMs?: number;
  /** What is less than this goes unnoticed. */
  readonly toleranceMs?: number;
}

interface Reading {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly uptimeMs: number;
  readonly activeMs: number;
  readonly cpuMs: number;
}

const BEAT_MS = 1_000;
const TOLERANCE_MS = 2_000;
/**
 * Of a delay that the main thread brought about itself: at least this much it was in its own work, and this much the
 * process had a processor. The second is small because a starved machine gives little; a stopped process gets none.
 */
const ACTIVE_SHARE = 0.5;
const RUNNING_SHARE = 0.05;

/**
 * Notices that the process was stopped or the machine suspended, that the main thread was blocked by its own work, and
 * that the wall clock was set. A beat that comes late tells the first two; which it was, the time says that the process
 * has used. A suspended machine may stop the monotonic clock, and then only the machine's uptime tells.
 */
export class PauseWatch {
  readonly #options: PauseWatchOptions;
  readonly #beatMs: number;
  readonly #toleranceMs: number;
  readonly #stats = { pausesTotal: 0, pausedMsTotal: 0, lagTotal: 0, lagMsTotal: 0, jumpsTotal: 0 };
  #last: Reading | null = null;
  #cancelBeat: Cancel | null = null;

  constructor(options: PauseWatchOptions) {
    this.#options = options;
    this.#beatMs = options.beatMs ?? BEAT_MS;
    this.#toleranceMs = options.toleranceMs ?? TOLERANCE_MS;
  }

  start(): void {
    if (this.#cancelBeat !== null) return;
    this.#last = this.#read();
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#cancelBeat?.();
    this.#cancelBeat = null;
    this.#last = null;
  }

  stats(): PauseStats {
    return { ...this.#stats };
  }

  /**
   * How long the process has been paused in all, judged up to this moment: after a pause any timer may be the first to
   * fire, and whoever asks here does not have to wait for the beat.
   */
  pausedMs(): number {
    this.#look(false);
    return this.#stats.pausedMsTotal;
  }

  #arm(): void {
    this.#cancelBeat = this.#options.clock.setTimer(this.#beatMs, () => {
      this.#arm();
      this.#look(true);
    });
  }

  /** Judges the time since the last reading; a beat, or having found something, begins a new one. */
  #look(isBeat: boolean): void {
    if (this.#last === null) return;
    const now = this.#read();
    const notices = this.#judge(this.#last, now);
    if (isBeat || notices.length > 0) this.#last = now;
    for (const notice of notices) this.#count(notice);
    for (const notice of notices) this.#options.onNotice?.(notice);
  }

  #read(): Reading {
    const { clock, probe } = this.#options;
    return {
      monotonicMs: clock.monotonic(),
      wallMs: clock.now(),
      uptimeMs: probe.uptimeMs(),
      activeMs: probe.activeMs(),
      cpuMs: probe.cpuMs(),
    };
  }

  #judge(from: Reading, to: Reading): PauseNotice[] {
    const passedMs = to.monotonicMs - from.monotonicMs;
    const uptimeMs = to.uptimeMs - from.uptimeMs;
    const lateMs = Math.max(0, this.#notable(passedMs - this.#beatMs));
    const suspendedMs = Math.max(0, this.#notable(uptimeMs - passedMs));
    const jumpMs = this.#notable(to.wallMs - from.wallMs - uptimeMs);
    const wasActive = to.activeMs - from.activeMs >= lateMs * ACTIVE_SHARE;
    const wasBusy = wasActive && to.cpuMs - from.cpuMs >= lateMs * RUNNING_SHARE;
    const found: PauseNotice[] = [
      { kind: 'lag', ms: wasBusy ? lateMs : 0 },
      { kind: 'pause', ms: (wasBusy ? 0 : lateMs) + suspendedMs },
      { kind: 'clockJump', ms: jumpMs },
    ];
    return found.filter(({ ms }) => ms !== 0);
  }

  /** The same, or 0 when it is too little to mean anything. */
  #notable(ms: number): number {
    return Math.abs(ms) > this.#toleranceMs ? ms : 0;
  }

  #count({ kind, ms }: PauseNotice): void {
    const stats = this.#stats;
    switch (kind) {
      case 'pause':
        stats.pausesTotal += 1;
        stats.pausedMsTotal += ms;
        return;
      case 'lag':
        stats.lagTotal += 1;
        stats.lagMsTotal += ms;
        return;
      case 'clockJump':
        stats.jumpsTotal += 1;
        return;
    }
  }
}
