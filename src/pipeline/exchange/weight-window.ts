/** The right to send one request. Exactly one of `settle`, `lose`, `refund` takes effect, the first one. */
export interface Permit {
  readonly weight: number;
  /** UTC minutes since the epoch: the window it was charged in. */
  readonly minute: number;
}

/**
 * What this address has used of the current minute's weight.
 *
 * It is never known exactly, because replies are under way and other processes share the address. It is bounded from
 * above instead: the highest count that a reply of this minute has shown, plus the weight of every request that has no
 * reply yet, plus what was sent and never answered with a count. The bound tightens with every reply, and a reply of
 * an older minute says nothing about this one.
 */
export class WeightWindow {
  readonly #inFlight = new Set<Permit>();
  #inFlightWeight = 0;
  #minute = Number.NaN;
  #highestSeen = 0;
  #unconfirmed = 0;
  #charged = 0;
  #sighted = false;

  get minute(): number {
    return this.#minute;
  }

  /** Upper bound, in weight units. */
  get used(): number {
    return this.#highestSeen + this.#inFlightWeight + this.#unconfirmed;
  }

  /** Charged in this minute, or since it was last unsighted. */
  get charged(): number {
    return this.#charged;
  }

  /** Whether a request of this minute has been answered, so that `used` knows of other processes. */
  get sighted(): boolean {
    return this.#sighted;
  }

  /** Begins a new count when `minute` is another one, also an earlier one: then the exchange's clock was mistaken. */
  enter(minute: number): void {
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#highestSeen = 0;
    this.#unconfirmed = 0;
    this.#charged = 0;
    this.#sighted = false;
  }

  /** What replies have shown may be of another minute: as before the first of them, but what was counted stays counted. */
  unsight(): void {
    this.#charged = 0;
    this.#sighted = false;
  }

  charge(weight: number): Permit {
    const permit: Permit = { weight, minute: this.#minute };
    this.#inFlight.add(permit);
    this.#inFlightWeight += weight;
    this.#charged += weight;
    return permit;
  }

  /** The request was answered; `used` is the count that its reply showed, or null when it showed none. */
  settle(permit: Permit, used: number | null): void {
    if (!this.#end(permit) || permit.minute !== this.#minute) return;
    this.#sighted = true;
    if (used === null) this.#unconfirmed += permit.weight;
    else this.#highestSeen = Math.max(this.#highestSeen, used);
  }

  /** The request was sent and no reply came; the exchange may have counted it. */
  lose(permit: Permit): void {
    if (this.#end(permit) && permit.minute === this.#minute) this.#unconfirmed += permit.weight;
  }

  /** The request was not sent after all. */
  refund(permit: Permit): void {
    if (this.#end(permit) && permit.minute === this.#minute) this.#charged = Math.max(0, this.#charged - permit.weight);
  }

  #end(permit: Permit): boolean {
    if (!this.#inFlight.delete(permit)) return false;
    this.#inFlightWeight -= permit.weight;
    return true;
  }
}
