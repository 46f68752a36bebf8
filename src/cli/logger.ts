import pino from 'pino';
import { type Clock, systemClock } from '../lib/clock.js';
import type { LogLevel, RootLogger } from '../lib/log.js';
import { LineSink } from '../lib/log-sink.js';
import { RootLogWriter } from '../lib/log-writer.js';
import type { Io } from './io.js';

export interface LoggerOptions {
  /** Writes repeated warnings and errors once, and then once per window with `repeated`; to be closed by whoever asks for it. */
  readonly fold?: { readonly windowMs?: number; readonly maxKeys?: number };
  /** Whatever holds secrets that no line may show, such as the configuration. */
  readonly hide?: unknown;
  readonly clock?: Clock;
}

/** Logs go to stderr: one JSON object a line, readable lines only on a terminal. Throws RangeError for an unknown level. */
export async function createLogger(
  level: LogLevel,
  { stderr }: Pick<Io, 'stderr'>,
  colour: boolean,
  { fold, hide, clock = systemClock }: LoggerOptions = {},
): Promise<RootLogger> {
  const shown = stderr.isTTY ? await readableLine(colour) : (line: string) => line;
  const sink = new LineSink({
    stream: stderr,
    clock,
    onResumed: (dropped) => log.warn({ dropped }, 'log lines were dropped because nobody read them'),
  });
  const lines = pino(
    {
      // The lowest, because a pino child keeps the level that its parent had when the child was made.
      level: 'trace',
      // What comes is serialised already; pino's own would make one text of an error's causes.
      serializers: { err: (err: unknown) => err },
    },
    { write: (line) => sink.write(shown(line)) },
  );
  const log = new RootLogWriter({
    level,
    pino: lines,
    sink,
    ...(fold !== undefined && { fold: await foldOf(clock, fold) }),
  });
  log.hide(hide);
  return log;
}

async function foldOf(clock: Clock, options: NonNullable<LoggerOptions['fold']>) {
  const { Fold } = await import('../lib/log-fold.js');
  return new Fold({ clock, ...options });
}

/** Loaded only where a person looks, because it costs as much start-up time as the logger itself. */
async function readableLine(colour: boolean): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({ colorize: colour, ignore: 'pid,hostname', translateTime: 'HH:MM:ss' });
}
