import pLimit from 'p-limit';
import type { Clock } from '../lib/clock.js';
import type { Disk } from './disk.js';

/** Node has four threads for the file system, and unpacks replies on them too: a disk that hangs must leave one. */
const READS_AT_ONCE = 3;
/** A read is some thirty kilobytes. */
const PATIENCE_MS = 3_000;

/**
 * Reads content of a disk that may hang, as one behind a network does: what has not come in time fails with ETIMEDOUT,
 * and until the hanging read is over every other one fails at once, so that a scan waits once and not once per segment.
 */
export class PatientReads {
  readonly #disk: Pick<Disk, 'read'>;
  readonly #clock: Clock;
  readonly #limit = pLimit(READS_AT_ONCE);
  #hanging = 0;

  constructor(disk: Pick<Disk, 'read'>, clock: Clock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  /** Whether a read hangs. */
  get isHanging(): boolean {
    return this.#hanging > 0;
  }

  /** Rejects as the disk does, and with ETIMEDOUT. */
  read(dir: string, integrity: string): Promise<Buffer> {
    return this.#limit(() => this.#read(dir, integrity));
  }

  #read(dir: string, integrity: string): Promise<Buffer> {
    if (this.isHanging) return Promise.reject(timedOut());
    return new Promise((resolve, reject) => {
      let isLate = false;
      const cancel = this.#clock.setTimer(PATIENCE_MS, () => {
        isLate = true;
        this.#hanging += 1;
        reject(timedOut());
      });
      const ended = () => {
        cancel();
        if (isLate) this.#hanging -= 1;
      };
      this.#disk.read(dir, integrity).finally(ended).then(resolve, reject);
    });
  }
}

function timedOut(): Error {
  return Object.assign(new Error('ETIMEDOUT: the disk does not answer'), { code: 'ETIMEDOUT' });
}
