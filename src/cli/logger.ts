import pino, { type Logger } from 'pino';
import type { Io } from './io.js';

/** File descriptor; logs are written to it directly, so that none is lost when the process ends. */
const STDERR = 2;

/** Logs go to stderr: one JSON object a line, readable lines only on a terminal. */
export async function createLogger(level: string, { stderr }: Pick<Io, 'stderr'>, colour: boolean): Promise<Logger> {
  if (!stderr.isTTY) return pino({ level }, pino.destination({ dest: STDERR, sync: true }));
  // Loaded only where a person looks, because it costs as much start-up time as the logger itself.
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    colorize: colour,
    destination: STDERR,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss',
  });
  return pino({ level }, stream);
}
