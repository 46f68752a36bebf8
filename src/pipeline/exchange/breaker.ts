import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IBackoff,
  type IHalfOpenAfterBackoffContext,
} from 'cockatiel';
import { ExchangeError, type ExchangeErrorKind } from '../../domain/errors.js';
import { abortable } from '../../lib/abort.js';
import type { Clock } from '../../lib/clock.js';
import { isStranded } from './transport.js';

/** In a row: 30 % of random failures do this once in two million requests. */
const FAILURES_TO_OPEN = 12;
const FIRST_BREAK_MS = 5_000;
/** Two lanes probe, so the exchange sees one probe a minute; just under, so that a cycle two minutes later finds it over. */
const LONGEST_BREAK_MS = 118_000;
/** So long after a good reply a bad payload is taken as the fault of what was asked for: one symbol's, not everyone's. */
const WELL_MS = 5_000;

/** What says that the exchange is ill. That it knows no such symbol, or wants us to slow down, says that it is well. */
const ILL: ReadonlySet<ExchangeErrorKind> = new Set(['unreachable', 'deadline', 'unavailable']);

/**
 * Stops sending to an exchange that keeps failing. After a break, 5 s at first and up to two minutes, one request goes
 * out as a probe; the others wait for its outcome and then go out or fail with `circuitOpen`. While nothing even leaves
 * this machine the break stays short, because nobody is knocked at.
 */
export class Breaker {
  readonly #policy: CircuitBreakerPolicy;
  readonly #clock: Clock;
  #openUntilMs = 0;
  #wellUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    const counts = handleWhen((error) =>
      // A probe that its caller gave up has proved nothing, and must not close the circuit.
      error instanceof ExchangeError ? this.#saysIll(error) : this.#policy.state === CircuitState.HalfOpen,
    );
    this.#policy = circuitBreaker(counts, {
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
      halfOpenAfter: { next: (context) => this.#breakFor(context) },
    });
  }

  /** Whether a request would fail at once. */
  get isOpen(): boolean {
    return this.#policy.state === CircuitState.Open && this.#clock.monotonic() < this.#openUntilMs;
  }

  /** Runs `send` unless the circuit is open; then rejects with kind `circuitOpen`. Rejects with the signal's reason. */
  async run<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const waitsForProbe = this.#policy.state === CircuitState.HalfOpen;
    try {
      const run = this.#policy.execute(() => this.#noted(send()));
      // `send` itself heeds the signal; only the wait for somebody else's probe does not.
      return await (waitsForProbe ? abortable(run, signal) : run);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.openError() : error;
    }
  }

  openError(): ExchangeError {
    const forMs = Math.max(0, Math.ceil(this.#openUntilMs - this.#clock.monotonic()));
    return new ExchangeError('circuitOpen', `not sent: the exchange keeps failing, next probe in ${forMs} ms`);
  }

  async #noted<T>(sent: Promise<T>): Promise<T> {
    const answer = await sent;
    this.#wellUntilMs = this.#clock.monotonic() + WELL_MS;
    return answer;
  }

  #saysIll({ kind }: ExchangeError): boolean {
    return ILL.has(kind) || (kind === 'badPayload' && this.#clock.monotonic() >= this.#wellUntilMs);
  }

  /**
   * cockatiel compares a break with `Date.now()`, which somebody may set back by hours. So the break that it is given
   * has no length of its own: it is endless until our monotonic clock says that it is over, and negative from then on.
   */
  #breakFor({ attempt, result }: IHalfOpenAfterBackoffContext): IBackoff<IHalfOpenAfterBackoffContext> {
    const stranded = 'error' in result && result.error instanceof ExchangeError && isStranded(result.error);
    const breakMs = stranded ? FIRST_BREAK_MS : Math.min(LONGEST_BREAK_MS, FIRST_BREAK_MS * 2 ** (attempt - 1));
    this.#openUntilMs = this.#clock.monotonic() + breakMs;
    const isOver = () => this.#clock.monotonic() >= this.#openUntilMs;
    return {
      get duration() {
        return isOver() ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      },
      next: (context) => this.#breakFor(context),
    };
  }
}
