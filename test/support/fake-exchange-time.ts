import { sleep } from '../../src/lib/clock.js';
import type { ExchangeClient, RequestOptions } from '../../src/pipeline/exchange/contract.js';
import type { FakeMachine } from './fake-machine.js';

/** The exchange's own clock, which nobody on the machine can set, and the request that asks for it. */
export class FakeExchangeTime implements Pick<ExchangeClient, 'serverTime'> {
  readonly #machine: FakeMachine;
  readonly #startMs: number;
  readonly #rate: number;
  /** Of each request that follows. */
  roundTripMs = 80;
  /** Of the round trip: the way there. */
  outboundShare = 0.5;
  /** What is wrong with the next answers, in order: an error instead of one, or ms that it is off by. */
  readonly faults: (Error | number)[] = [];
  asked = 0;

  /** `rate`: its milliseconds in one of the machine's. */
  constructor(machine: FakeMachine, rate = 1) {
    this.#machine = machine;
    this.#startMs = machine.clock.now();
    this.#rate = rate;
  }

  now(): number {
    return this.#startMs + this.#machine.uptimeMs() * this.#rate;
  }

  async serverTime({ signal }: RequestOptions): Promise<{ serverTime: number; roundTripMs: number }> {
    this.asked += 1;
    const fault = this.faults.shift() ?? 0;
    const { roundTripMs } = this;
    const outboundMs = roundTripMs * this.outboundShare;
    await sleep(this.#machine.clock, outboundMs, signal);
    const serverTime = this.now();
    await sleep(this.#machine.clock, roundTripMs - outboundMs, signal);
    if (fault instanceof Error) throw fault;
    return { serverTime: serverTime + fault, roundTripMs };
  }
}
