import { ConfigError } from '../domain/errors.js';
import { groupBy } from '../lib/group-by.js';
import { plural } from './amounts.js';
import { type Context, type Definition, fail, ok, type Verdict, warn } from './contract.js';

/** What the configuration says, beyond what makes it valid. */
export const configChecks: readonly Definition[] = [
  {
    id: 'config',
    level: 'required',
    title: 'configuration',
    short: true,
    needs: 'config',
    judge: ({ loaded }) => ok(origins(loaded.origins), 'every key known, every value allowed'),
  },
  { id: 'config-doubts', level: 'recommended', title: 'doubtful settings', needs: 'config', judge: doubts },
  {
    id: 'analyzers',
    level: 'required',
    title: 'analyzers',
    key: 'analyzers.enabled',
    needs: 'config',
    judge: analyzers,
  },
  {
    id: 'time-budget',
    level: 'recommended',
    title: 'time of a cycle',
    key: 'cycle.settle',
    needs: 'config',
    judge: timeBudget,
  },
];

/** The row of a configuration that could not be read. */
export function configFault(error: ConfigError): Verdict {
  return fail(
    error.message,
    'every key known, every value allowed',
    'correct what is named; config/default.yaml lists all keys',
  );
}

/** `config print` shows the same key by key. */
function origins(of: ReadonlyMap<string, string>): string {
  const groups = groupBy(of.values(), (origin) => origin);
  return [...groups].map(([origin, keys]) => `${keys.length} ${origin}`).join(', ');
}

function doubts({ loaded: { warnings } }: Context): Verdict {
  const expected = 'nothing that is allowed and probably not meant';
  return warnings.length === 0
    ? ok('none', expected)
    : warn(warnings.join('\n'), expected, 'change it, or leave it when it is meant');
}

/** The same way of loading as at a start: in a worker, so nothing foreign runs in this process. */
async function analyzers({ config, probes }: Context): Promise<Verdict> {
  const expected = `those of analyzers.enabled, each with a warm-up of at most candles.lookback (${config.candles.lookback})`;
  let found: Awaited<ReturnType<typeof probes.analyzers>>;
  try {
    found = await probes.analyzers(config);
  } catch (error) {
    if (error instanceof ConfigError)
      return fail(error.message, expected, 'correct analyzers.enabled or analyzers.paths');
    throw error;
  }
  const refused = found.refused.map(({ file, reason }) => `${file}: ${reason}`);
  if (refused.length > 0)
    return warn(`refused ${refused.join('; ')}`, expected, 'repair the module, or take it out of analyzers.paths');
  const starved = found.analyzers.filter(({ warmup }) => warmup > config.candles.lookback);
  if (starved.length > 0) {
    const names = starved.map(({ name, warmup }) => `${name} needs ${warmup} candles`).join(', ');
    return warn(`${names}: it will always be left out`, expected, 'raise candles.lookback');
  }
  return ok(plural(found.analyzers.length, 'analyzer'), expected);
}

/** The exchange's timer closes a candle without trades 2.0 s late (EXCHANGE.md §2.4), and then it still has to arrive. */
const LATEST_CLOSE_MS = 2_100;

function timeBudget({ config }: Context): Verdict {
  const { settleMs, deadlineMs } = config.cycle;
  const { requestTimeoutMs } = config.exchange;
  const found = `settle ${settleMs} ms, deadline ${deadlineMs} ms, request timeout ${requestTimeoutMs} ms`;
  const expected = `settle from ${LATEST_CLOSE_MS} ms, and time for a whole request between settle and deadline`;
  if (settleMs < LATEST_CLOSE_MS) {
    return warn(found, expected, 'raise cycle.settle: candles that close up to 2 s late are requested one by one');
  }
  if (deadlineMs - settleMs < requestTimeoutMs) {
    return warn(
      found,
      expected,
      'lower exchange.requestTimeout or raise cycle.deadline: a slow request outlasts the cycle',
    );
  }
  return ok(found, expected);
}
