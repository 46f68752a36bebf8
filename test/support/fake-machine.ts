import type { ProcessProbe } from '../../src/lib/process-probe.js';
import { FakeClock } from './fake-clock.js';

/** A machine with a process on it: what can happen to its time, each thing by itself. */
export class FakeMachine implements ProcessProbe {
  readonly clock: FakeClock;
  #usedMs = 0;
  #suspendedMs = 0;

  /** `startMs` is the wall clock, epoch ms. */
  constructor(startMs: number) {
    this.clock = new FakeClock(startMs);
  }

  activeMs(): number {
    return this.#usedMs;
  }

  cpuMs(): number {
    return this.#usedMs;
  }

  uptimeMs(): number {
    return this.clock.monotonic() + this.#suspendedMs;
  }

  /** Stops the process, as SIGSTOP does, and lets it go on. */
  async stop(ms: number): Promise<void> {
    this.clock.stall(ms);
    await this.clock.advance(0);
  }

  /** Keeps the main thread from its timers by work. */
  async work(ms: number): Promise<void> {
    this.#usedMs += ms;
    this.clock.stall(ms);
    await this.clock.advance(0);
  }

  /** Suspends the whole machine: the monotonic clock stops, as Linux' does. */
  suspend(ms: number): void {
    this.#suspendedMs += ms;
    this.clock.jump(ms);
  }
}
