import { Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../domain/errors.js';
import { type Clock, shiftedBy, systemClock } from '../lib/clock.js';
import { seededRandom } from '../lib/random.js';
import type { AnyFaultInput } from '../sim/control.js';
import type { FaultRuleInput } from '../sim/faults/rule.js';
import { type CommonOptions, withCommonOptions } from './common.js';
import { EXIT, type Io } from './io.js';
import { wholeNumber } from './options.js';

interface SimCommandOptions extends CommonOptions {
  readonly port: number;
  readonly symbols: number;
  readonly seed: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly clockOffsetMs: number;
  readonly weightLimit: number;
  readonly retryAfter: boolean;
  readonly csv?: string;
  readonly framesPerSecond?: number;
  readonly fault: readonly string[];
}

export function simCommand(io: Io, done: (exitCode: number) => void): Command {
  return withCommonOptions(new Command('sim'))
    .description('the embedded exchange on its own; prints {"restUrl":…,"streamUrl":…} as its first line')
    .option('--port <n>', 'port on 127.0.0.1, 0 takes a free one', wholeNumber(0, 65_535), 0)
    .option('--symbols <n>', 'USDT perpetuals of the seeded market', wholeNumber(1, 5_000), 530)
    .option('--seed <n>', 'the same seed is the same market', wholeNumber(0), 1)
    .option('--csv <dir>', 'serves recorded candles (SYMBOL-TF.csv[.gz]) shifted so that they end now')
    .option('--latency-ms <n>', 'delay of every reply', wholeNumber(0, 60_000), 0)
    .option('--jitter-ms <n>', 'added to the delay at random, up to this', wholeNumber(0, 60_000), 0)
    .option(
      '--clock-offset-ms <n>',
      "its clock minus this machine's, so that a slot is near or clocks differ",
      offset,
      0,
    )
    .option('--weight-limit <n>', 'weight units per UTC minute', wholeNumber(1), 2_400)
    .option('--retry-after', 'sends Retry-After with 429 and 418', false)
    .option('--frames-per-second <n>', 'load: frames of every stream, whether or not it traded', wholeNumber(1, 100))
    .option('--fault <json>', 'a fault rule, repeatable', (rule, all: readonly string[]) => [...all, rule], [])
    .action(async (options: SimCommandOptions) => {
      const [{ parentGone, runSim }, { isForStream }] = await Promise.all([
        import('../sim/process.js'),
        import('../sim/control.js'),
      ]);
      const clock = shiftedBy(systemClock, options.clockOffsetMs);
      const stop = new AbortController();
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
      const faults = options.fault.flatMap(parseFault);
      const onParentGone = parentGone(process);
      await runSim(
        {
          market: await marketOf(options, clock),
          port: options.port,
          clock,
          random: seededRandom(options.seed),
          latencyMs: options.latencyMs,
          jitterMs: options.jitterMs,
          weightLimit: options.weightLimit,
          retryAfter: options.retryAfter,
          faults: faults.filter((rule): rule is FaultRuleInput => !isForStream(rule)),
          stream: {
            faults: faults.filter(isForStream),
            ...(options.framesPerSecond !== undefined && {
              pacing: { updateMs: 1000 / options.framesPerSecond, everyUpdate: true },
            }),
          },
        },
        { stdout: io.stdout, signal: stop.signal, ...(onParentGone && { onParentGone }) },
      );
      done(EXIT.done);
    });
}

async function marketOf({ csv, seed, symbols }: SimCommandOptions, clock: Clock) {
  const now = clock.now();
  if (csv === undefined) {
    const { seededMarket } = await import('../sim/market/seeded/seeded-market.js');
    return seededMarket({ symbols, seed, now });
  }
  const { csvMarket } = await import('../sim/market/csv/csv-market.js');
  return csvMarket(csv, { now });
}

function offset(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError(`found ${text}, allowed a whole number of milliseconds`);
}

function parseFault(text: string): AnyFaultInput[] {
  try {
    return [JSON.parse(text) as AnyFaultInput | AnyFaultInput[]].flat();
  } catch {
    throw new UsageError(`--fault: found ${text.slice(0, 80)}, allowed a JSON rule or a list of them`);
  }
}
