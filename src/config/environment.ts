import { KEYS, unknownKey } from './keys.js';
import type { Problems } from './problems.js';
import type { Assignment, Origin } from './sources.js';
import { assignText } from './text-value.js';

const PREFIX = 'CANDLESCAN_';

/** Variables with our prefix that are no configuration: where the tests find recorded candles. */
const NOT_CONFIGURATION = new Set(['CANDLESCAN_TEST_DATA']);

const SINK_SECRET = /^CANDLESCAN_NOTIFY__SINKS__([A-Z0-9_]+)__(TOKEN|URL)$/;

/** The variable of a key: `exchange.restUrl` is `CANDLESCAN_EXCHANGE__REST_URL`. */
export function variableOf(key: string): string {
  const level = (name: string) => name.replace(/(?=[A-Z])|(?<=[a-z]{2})(?=\d)/g, '_').toUpperCase();
  return PREFIX + key.split('.').map(level).join('__');
}

const KEY_OF_VARIABLE: ReadonlyMap<string, string> = new Map(
  [...KEYS.keys()].flatMap((key) => {
    const variable = variableOf(key);
    // A number may as well be no word of its own: MIN_QUOTE_VOLUME24H.
    return [
      [variable, key],
      [variable.replace(/(?<=[A-Z])_(?=\d)/g, ''), key],
    ] as const;
  }),
);

/** A sink's secret, given by the sink's name so that the rest of the sink can stand in a file. */
export interface SinkSecret {
  /** As in the variable: upper case, `_` for `-`. */
  readonly sink: string;
  readonly field: 'token' | 'url';
  readonly value: string;
  readonly origin: Origin;
}

interface EnvironmentReading {
  readonly assignments: readonly Assignment[];
  readonly sinkSecrets: readonly SinkSecret[];
}

/** What the variables beginning with `CANDLESCAN_` say. An empty variable counts as not set, as process managers leave them. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  problems: Problems,
): EnvironmentReading {
  const assignments: Assignment[] = [];
  const sinkSecrets: SinkSecret[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || NOT_CONFIGURATION.has(variable) || text === undefined || text === '') continue;
    const origin: Origin = { label: `env ${variable}`, place: () => variable };
    const key = KEY_OF_VARIABLE.get(variable);
    const [, sink, field] = SINK_SECRET.exec(variable) ?? [];
    if (key !== undefined) assignText({ key, text, origin }, assignments, problems);
    else if (sink !== undefined) {
      sinkSecrets.push({ sink, field: field === 'TOKEN' ? 'token' : 'url', value: text, origin });
    } else problems.add(variable, guessKey(variable), unknownKey(guessKey(variable), variableOf));
  }
  return { assignments, sinkSecrets };
}

/** The path that an unknown variable probably means, to find a known key near it. */
function guessKey(variable: string): string {
  const camel = (level: string) =>
    level.toLowerCase().replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return variable.slice(PREFIX.length).split('__').map(camel).join('.');
}
