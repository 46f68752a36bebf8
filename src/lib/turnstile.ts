/**
 * Lets so many callers through in one turn of the event loop and the rest in the turns after it, in order, so that a
 * burst of work does not keep sockets and timers waiting. `nextTurn` calls back after what is due now.
 */
export class Turnstile {
  readonly #perTurn: number;
  readonly #nextTurn: (callback: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #armed = false;

  constructor(perTurn: number, nextTurn: (callback: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#nextTurn = nextTurn;
    this.#left = perTurn;
  }

  /** Undefined when the caller may go on at once. */
  pass(): Promise<void> | undefined {
    this.#arm();
    if (this.#left > 0) {
      this.#left -= 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#nextTurn(() => {
      this.#armed = false;
      this.#left = this.#perTurn;
      for (const admit of this.#waiting.splice(0, this.#perTurn)) {
        this.#left -= 1;
        admit();
      }
      if (this.#waiting.length > 0) this.#arm();
    });
  }
}
