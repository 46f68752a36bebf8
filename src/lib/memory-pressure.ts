/** 0 is none; at each higher one more is given up. */
export type PressureLevel = 0 | 1 | 2 | 3;
export type RaisedLevel = Exclude<PressureLevel, 0>;

export const RAISED_LEVELS = [1, 2, 3] as const satisfies readonly RaisedLevel[];

/** Shares of the limit from which on a level holds. */
export const PRESSURE_FROM: Readonly<Record<RaisedLevel, number>> = { 1: 0.8, 2: 1, 3: 1.2 };

export interface PressureOptions {
  readonly limitBytes: number;
  /** A level is left only below its threshold by this share of the limit, so that memory on the edge does not flap. */
  readonly marginShare?: number;
  /** And only after so many readings in a row down there. */
  readonly calmReadings?: number;
}

/** The level of memory pressure from one reading to the next: raised at once, lowered late. */
export class MemoryPressure {
  readonly #marginShare: number;
  readonly #calmReadings: number;
  /** Readings in a row that were below each level by the margin. */
  readonly #calm: Record<RaisedLevel, number> = { 1: 0, 2: 0, 3: 0 };
  #limitBytes: number;
  #level: PressureLevel = 0;

  constructor({ limitBytes, marginShare = 0.05, calmReadings = 10 }: PressureOptions) {
    this.#limitBytes = checkedLimit(limitBytes);
    if (!(marginShare >= 0 && marginShare < PRESSURE_FROM[1])) {
      throw new RangeError(`marginShare: found ${marginShare}, allowed a number from 0 to below ${PRESSURE_FROM[1]}`);
    }
    if (!Number.isSafeInteger(calmReadings) || calmReadings < 1) {
      throw new RangeError(`calmReadings: found ${calmReadings}, allowed a whole number from 1`);
    }
    this.#marginShare = marginShare;
    this.#calmReadings = calmReadings;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** The readings to come are judged by it; the level stays what it is until the next. */
  setLimit(limitBytes: number): void {
    this.#limitBytes = checkedLimit(limitBytes);
  }

  get level(): PressureLevel {
    return this.#level;
  }

  /** Takes a reading; returns the levels passed through on the way to the new one, which is the last of them. */
  read(bytes: number): readonly PressureLevel[] {
    const from = this.#level;
    let to = from;
    for (const level of RAISED_LEVELS) {
      const threshold = PRESSURE_FROM[level] * this.#limitBytes;
      this.#calm[level] = bytes < threshold - this.#limitBytes * this.#marginShare ? this.#calm[level] + 1 : 0;
      if (bytes >= threshold && level > to) to = level;
    }
    while (to > 0 && this.#calm[to as RaisedLevel] >= this.#calmReadings) to = below(to as RaisedLevel);
    this.#level = to;
    const step = to > from ? 1 : -1;
    return Array.from({ length: Math.abs(to - from) }, (_, index) => (from + step * (index + 1)) as PressureLevel);
  }
}

function checkedLimit(limitBytes: number): number {
  if (limitBytes > 0 && Number.isFinite(limitBytes)) return limitBytes;
  throw new RangeError(`limitBytes: found ${limitBytes}, allowed a number above 0`);
}

function below(level: RaisedLevel): PressureLevel {
  return (level - 1) as PressureLevel;
}
