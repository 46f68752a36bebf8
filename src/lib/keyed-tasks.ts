import pLimit, { type LimitFunction } from 'p-limit';

/** Tasks of one key run one after the other, those of different keys side by side, and a task alone while no other runs. */
export class KeyedTasks {
  readonly #limit: LimitFunction;
  /** The newest task of each key; only those that have not ended. */
  readonly #byKey = new Map<string, Promise<unknown>>();
  /** The newest task that runs alone. */
  #alone: Promise<unknown> = Promise.resolve();

  /** `concurrency`: tasks at once, at most. */
  constructor(concurrency: number) {
    this.#limit = pLimit(concurrency);
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before: Promise<unknown>[] = [this.#alone, this.#byKey.get(key) ?? Promise.resolve()];
    const result = Promise.all(before).then(() => this.#limit(task));
    const ended: Promise<void> = result.then(nothing, nothing).finally(() => {
      if (this.#byKey.get(key) === ended) this.#byKey.delete(key);
    });
    this.#byKey.set(key, ended);
    return result;
  }

  /** Waits for every task that was given before, and lets those that are given later wait. */
  runAlone<T>(task: () => Promise<T>): Promise<T> {
    const result = Promise.all([this.#alone, ...this.#byKey.values()]).then(task);
    this.#alone = result.then(nothing, nothing);
    return result;
  }
}

function nothing(): void {}
