type Release = () => void | Promise<void>;

/** What was acquired is released in reverse order, everything even when something fails, and once. */
export class Releasers {
  readonly #stack: Release[] = [];
  #released: Promise<void> | null = null;

  /** To be called as soon as something has been acquired. */
  push(release: Release): void {
    this.#stack.push(release);
  }

  /** Rejects with an `AggregateError` of what failed, when everything has been tried. */
  release(): Promise<void> {
    this.#released ??= this.#run();
    return this.#released;
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (let release = this.#stack.pop(); release !== undefined; release = this.#stack.pop()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not everything could be released');
  }
}
