import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import { PauseWatch } from '../lib/pause-watch.js';
import { systemProbe } from '../lib/process-probe.js';
import type { Random } from '../lib/random.js';
import type { Releasers } from '../lib/releasers.js';
import type { ExchangeClient } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import { ExchangeClockKeeper } from '../scheduler/exchange-clock.js';

export interface Timekeeping {
  readonly keeper: ExchangeClockKeeper;
  readonly watch: PauseWatch;
  /** The exchange's time with our timers: for everything whose `now` is about candles. */
  readonly exchangeClock: Clock;
}

export interface TimekeepingOptions {
  readonly client: ExchangeClient;
  readonly governor: WeightGovernor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly releasers: Releasers;
}

/** Keeps the exchange's time, and notices when this process was paused or its clock was set. Both begin at once. */
export function openTimekeeping({ client, governor, clock, random, log, releasers }: TimekeepingOptions): Timekeeping {
  const keeper = new ExchangeClockKeeper({
    client,
    governor,
    clock,
    random,
    onSkew: ({ skewMs, skewed }) => {
      if (skewed) log.warn({ skewMs }, "the local clock differs from the exchange's; slots follow the exchange's");
      else log.info({ skewMs }, "the local clock agrees with the exchange's again");
    },
    onError: (err, inARow) => log.warn({ err, inARow }, "the exchange's time could not be read"),
  });
  const watch = new PauseWatch({
    clock,
    probe: systemProbe,
    onNotice: (notice) => {
      log.warn(notice, NOTICES[notice.kind]);
      keeper.notice(notice);
    },
  });
  keeper.start();
  releasers.push(() => keeper.stop());
  watch.start();
  releasers.push(() => watch.stop());
  const exchangeClock: Clock = {
    now: () => keeper.exchangeNow(),
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  };
  return { keeper, watch, exchangeClock };
}

const NOTICES = {
  pause: 'the process was paused',
  lag: 'the main thread was busy for too long',
  clockJump: 'the local clock was set',
} as const;
