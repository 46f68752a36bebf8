import type { PressureLevel, RaisedLevel } from '../lib/memory-pressure.js';
import { MEMORY_RETRY_MS } from './limits.js';
import { type Problem, unavailable } from './problem.js';

/** Turns requests away while memory is short, so that the cycles have what is left. */
export class Shedding {
  readonly #pressure: () => PressureLevel;
  #shed = 0;

  constructor(pressure: () => PressureLevel) {
    this.#pressure = pressure;
  }

  /** The reason to refuse a route that is given up from level `from` on, never when that is null; or null. */
  check(from: RaisedLevel | null): Problem | null {
    const level = this.#pressure();
    if (from === null || level < from) return null;
    this.#shed += 1;
    const detail =
      from === 3
        ? 'memory: the process is far beyond memory.limit and is about to be started anew'
        : 'memory: the process is beyond memory.limit and answers this again when it is below';
    return unavailable(detail, MEMORY_RETRY_MS, { reason: 'memory', memoryPressure: level });
  }

  stats() {
    return { shedForMemory: this.#shed };
  }
}
