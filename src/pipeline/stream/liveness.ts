/** Tries per connection before the endpoint is suspected, and remedies per stream before the stream is. */
const TRIES = 3;

/** What to do about silent streams. */
export interface Remedies {
  /** Subscribe again where they are. */
  readonly renew: readonly string[];
  /** Subscribe on another connection. */
  readonly move: readonly string[];
  /** Nothing helped: tell the operator. Named once per silence. */
  readonly suspect: readonly string[];
}

/**
 * What silence means. A stream that owed a candle and did not bring it is subscribed again; after the next silent slot it
 * moves to another connection; after the third it is reported, and is renewed with every slot from then on. When every
 * connection is accepted and brings nothing, time after time, it is the endpoint that is suspect.
 */
export class Liveness {
  readonly #silentSlots = new Map<string, number>();
  #muteConnections = 0;
  #endpointSuspect = false;

  get endpointSuspect(): boolean {
    return this.#endpointSuspect;
  }

  /** Judges one slot. `silent`: the streams that owed its candle; `total`: how many there are. */
  judge(silent: readonly string[], total: number): Remedies {
    const known = new Set(silent);
    for (const symbol of this.#silentSlots.keys()) if (!known.has(symbol)) this.#silentSlots.delete(symbol);
    // When most are silent at once the fault is not in single streams (a late exchange, our own clock), and moving would only churn.
    const mayMove = silent.length * 2 <= total;
    const remedies = { renew: [] as string[], move: [] as string[], suspect: [] as string[] };
    for (const symbol of silent) {
      const slots = (this.#silentSlots.get(symbol) ?? 0) + 1;
      this.#silentSlots.set(symbol, slots);
      (slots === 2 && mayMove ? remedies.move : remedies.renew).push(symbol);
      if (slots === TRIES) remedies.suspect.push(symbol);
    }
    return remedies;
  }

  /** A connection ended without ever bringing data; `connections` are in use. Returns true when that makes the endpoint suspect. */
  mute(connections: number): boolean {
    this.#muteConnections += 1;
    if (this.#endpointSuspect || this.#muteConnections < TRIES * connections) return false;
    this.#endpointSuspect = true;
    return true;
  }

  /** A connection brought data. Returns true when that clears a suspect endpoint. */
  proven(): boolean {
    const cleared = this.#endpointSuspect;
    this.#muteConnections = 0;
    this.#endpointSuspect = false;
    return cleared;
  }
}
