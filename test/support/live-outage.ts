import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import type { Permit } from '../../src/pipeline/exchange/weight-window.js';
import { settled } from './fake-clock.js';

/** Turns of the event loop in which nothing was under way: a request passes through several before it is sent. */
const QUIET_TURNS = 4;

/** A governor that knows which requests are under way, so that a fake clock can stand still while they are. */
export class WitnessGovernor extends WeightGovernor {
  readonly #underWay = new Set<Permit>();

  override async acquire(...args: Parameters<WeightGovernor['acquire']>): Promise<Permit> {
    const permit = await super.acquire(...args);
    this.#underWay.add(permit);
    return permit;
  }

  override settle(permit: Permit, used: number | null): void {
    this.#underWay.delete(permit);
    super.settle(permit, used);
  }

  override lose(permit: Permit): void {
    this.#underWay.delete(permit);
    super.lose(permit);
  }

  override refund(permit: Permit): void {
    this.#underWay.delete(permit);
    super.refund(permit);
  }

  /** Resolves when no request is on the wire and none is about to be. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      await settled();
      if (this.#underWay.size > 0) turns = 0;
    }
  }
}
