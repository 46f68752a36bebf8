import type { SignalUpdate } from './contract.js';

/** Beyond every slot (it is the year 2248), so that a statement on final candles outranks all on forming ones. */
const FINAL = 2 ** 43;

/** Who spoke about a candle (`voiceOf`), and how new it was. */
interface Said {
  readonly rank: number;
  readonly voices: ReadonlySet<string>;
}

export function voiceOf(name: string, version: string): string {
  return `${name}@${version}`;
}

/**
 * Remembers how new the newest statement about each candle is, also where it found nothing, so that a statement that
 * comes late neither brings back nor overwrites anything. Statements on final candles are newer than those on forming
 * ones, then those of later slots are; of two with the same rank the one that came later counts.
 *
 * Bounded by `trim`: beyond `max` candles those that were not spoken of for longest are forgotten, and with them everything that
 * older slots than theirs might still say about candles that are not remembered.
 */
export class Statements {
  readonly #max: number;
  /** In the order in which they were last spoken of. */
  readonly #byCandle = new Map<string, readonly Said[]>();
  #forgottenSlot = Number.NEGATIVE_INFINITY;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byCandle.size;
  }

  /** Whether something newer is known of what `voice` says about the candle. */
  isStale(candle: string, voice: string, by: Pick<SignalUpdate, 'slot' | 'status'>): boolean {
    const said = this.#byCandle.get(candle);
    if (said === undefined) return by.slot < this.#forgottenSlot;
    const rank = rankOf(by);
    return said.some((earlier) => earlier.rank > rank && earlier.voices.has(voice));
  }

  note(candle: string, voices: ReadonlySet<string>, by: Pick<SignalUpdate, 'slot' | 'status'>): void {
    const others = this.#byCandle.get(candle) ?? [];
    if (others.length === 0 && by.slot < this.#forgottenSlot) return;
    const said: Said = { rank: rankOf(by), voices };
    this.#byCandle.delete(candle);
    this.#byCandle.set(
      candle,
      others.some((other) => covers(other, said)) ? others : [...others.filter((other) => !covers(said, other)), said],
    );
  }

  /** To be called after an update: a map whose first entries were deleted is slow to begin at, so this is done at once. */
  trim(): void {
    let excess = this.#byCandle.size - this.#max;
    for (const [candle, said] of this.#byCandle) {
      if (excess <= 0) return;
      excess -= 1;
      this.#byCandle.delete(candle);
      for (const { rank } of said) this.#forgottenSlot = Math.max(this.#forgottenSlot, rank % FINAL);
    }
  }
}

function rankOf({ slot, status }: Pick<SignalUpdate, 'slot' | 'status'>): number {
  return status === 'confirmed' ? FINAL + slot : slot;
}

/** Whether nothing of `other` is newer than `said`. */
function covers(said: Said, other: Said): boolean {
  if (said.rank < other.rank) return false;
  if (said.voices === other.voices) return true;
  for (const voice of other.voices) if (!said.voices.has(voice)) return false;
  return true;
}
