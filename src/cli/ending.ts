import type { Cancel, Clock } from '../lib/clock.js';
import type { RootLogger } from '../lib/log.js';
import { EXIT, type Io } from './io.js';

/** From being asked to stop; then the process ends whatever hangs. Under what pm2 and systemd are told to allow. */
const HARD_DEADLINE_MS = 8_000;
/** For the last lines of the log. */
const LAST_WORDS_MS = 500;

/**
 * How the process comes to its end: a signal or pm2's message asks for it, a second one, or time, enforces it, and an
 * error that nobody expected is not survived, because nobody knows what it left behind.
 */
export class Ending {
  /** Resolves to the exit code when the process shall end. */
  readonly asked: Promise<number>;
  readonly #io: Io;
  readonly #log: RootLogger;
  readonly #clock: Clock;
  #answer: (exitCode: number) => void = () => {};
  #cancelDeadline: Cancel = () => {};
  #isAsked = false;

  constructor(io: Io, log: RootLogger, clock: Clock) {
    this.#io = io;
    this.#log = log;
    this.#clock = clock;
    this.asked = new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  watch(): void {
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGINT', this.#onSignal);
    process.on('message', this.#onMessage);
    process.on('uncaughtException', this.#onError);
    process.on('unhandledRejection', this.#onError);
  }

  /** The end has come by itself. */
  unwatch(): void {
    this.#cancelDeadline();
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGINT', this.#onSignal);
    process.off('message', this.#onMessage);
    process.off('uncaughtException', this.#onError);
    process.off('unhandledRejection', this.#onError);
  }

  ask(why: string, exitCode: number): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#log.info({ why }, 'stopping');
    this.#answer(exitCode);
    this.#cancelDeadline = this.#clock.setTimer(HARD_DEADLINE_MS, () => this.#enforce('it took too long'));
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#isAsked) this.#enforce(`a second signal, ${signal}`);
    else this.ask(signal, EXIT.done);
  };

  readonly #onMessage = (message: unknown): void => {
    if (message === 'shutdown') this.ask('shutdown message', EXIT.done);
  };

  readonly #onError = (thrown: unknown): void => {
    this.#log.fatal({ err: thrown }, 'an error that nobody expected; the process ends');
    void this.#log.close().finally(() => this.#io.terminate(EXIT.failed));
    this.#clock.setTimer(LAST_WORDS_MS, () => this.#io.terminate(EXIT.failed));
  };

  #enforce(why: string): void {
    this.#log.fatal({ why }, 'the process ends at once');
    void this.#log.close().finally(() => this.#io.terminate(EXIT.failed));
  }
}
