import { drained } from './fake-clock.js';

/** Work of threads, files and sockets, of which a fake clock knows nothing: while it goes on, time stands still. */
export class RealWork {
  readonly #underWay = new Set<Promise<unknown>>();

  /** The same function, its calls waited for by `settle`. */
  awaited<A extends readonly unknown[], T>(run: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
    return (...args) => {
      const work = run(...args);
      this.#underWay.add(work);
      const end = () => void this.#underWay.delete(work);
      work.then(end, end);
      return work;
    };
  }

  /** For a fake clock: lets everything run that is ready, and whatever follows from it. */
  readonly settle = async (): Promise<void> => {
    await drained();
    while (this.#underWay.size > 0) {
      await Promise.allSettled(this.#underWay);
      await drained();
    }
  };
}
